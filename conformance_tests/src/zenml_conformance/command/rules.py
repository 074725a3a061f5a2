"""`rules`: the list of the rules."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict

import click

from zenml_conformance.command import Refusal
from zenml_conformance.contract.rules import RULES
from zenml_conformance.contract.selection import UnknownRules, select
from zenml_conformance.session.explain import listing


@click.command()
@click.option(
    "--area",
    "areas",
    metavar="AREA",
    multiple=True,
    help="List the rules of this area alone (`ENV`), or `quick`; may be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="Print them in full, as JSON.")
def command(areas: tuple[str, ...], as_json: bool) -> None:
    """List the rules."""
    for area in areas:
        try:
            select([area])
        except UnknownRules as error:
            raise Refusal(f"--area={area}: {error}") from error
    if not as_json:
        width = max(shutil.get_terminal_size((100, 40)).columns, 60)
        click.echo(listing((), areas, width, more="`explain ID`"))
        return
    chosen = select(areas) if areas else RULES.keys()
    rules = [asdict(rule) for rule in RULES.values() if rule.id in chosen]
    for rule in rules:
        del rule["check"]  # Code.
    click.echo(json.dumps(rules, indent=2, ensure_ascii=False))
