"""`explain`: rules in full."""

from __future__ import annotations

import shutil

import click

from zenml_conformance.command import Refusal
from zenml_conformance.session.explain import UnknownRule, explain


@click.command()
@click.argument("rules", nargs=-1, required=True, metavar="RULE...")
def command(rules: tuple[str, ...]) -> None:
    """Print rules in full: what must hold, why, how to fix it, and how to see it.

    RULE is an id, such as SUB-1.
    """
    width = min(shutil.get_terminal_size((100, 40)).columns, 100)
    pages = []
    for rule in rules:
        try:
            pages.append(explain(rule, width))
        except UnknownRule as error:
            raise Refusal(f"{error} `rules` lists them all.") from error
    click.echo("\n\n\n".join(pages))
