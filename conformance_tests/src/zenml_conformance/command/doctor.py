"""`doctor`: what would go wrong, found before anything is written or submitted."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from zenml_conformance.command import checks, zenml_store
from zenml_conformance.command.finding import Finding, State
from zenml_conformance.command.project import FILE, Project
from zenml_conformance.inputs import printable

_STYLES = {State.GOOD: "green", State.NOTE: "yellow", State.BAD: "bold red"}


@click.command()
@click.argument(
    "directory", default=".", type=click.Path(exists=True, file_okay=False, path_type=Path)
)
def command(directory: Path) -> None:
    """Check this environment, and the project in it.

    DIRECTORY is where a project is, or is to be made (default: here). Nothing is written there,
    and ZenML's configuration is read without ZenML, which would change it. The exit status is 1 if
    something is wrong.
    """
    findings = [
        checks.python(),
        checks.zenml(),
        *zenml_store.findings(directory.resolve()),
        *checks.tools(),
        checks.writable(directory),
    ]
    if (directory / FILE).exists():
        findings += checks.project(Project.read(directory))
    _show(findings)
    if any(finding.state is State.BAD for finding in findings):
        raise click.exceptions.Exit(1)


def _show(findings: list[Finding]) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    table.add_column("What")
    for heading in ("Found", "Why it matters", "What to do"):
        table.add_column(heading, overflow="fold")
    for finding in findings:
        sign = Text(finding.state.value, style=_STYLES[finding.state])
        table.add_row(
            sign, finding.what, printable(finding.found), finding.why, printable(finding.todo)
        )
    console = Console(highlight=False, markup=False, emoji=False)
    console.print(table)
    wrong = sum(finding.state is State.BAD for finding in findings)
    console.print(f"\n{len(findings)} things looked at, {wrong} of them wrong.")
