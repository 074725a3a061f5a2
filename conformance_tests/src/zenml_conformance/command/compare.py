"""`compare`: several reports side by side."""

from __future__ import annotations

from pathlib import Path

import click

from zenml_conformance.command import Refusal
from zenml_conformance.report import matrix
from zenml_conformance.report.model import read


@click.command()
@click.argument(
    "reports", nargs=-1, required=True, metavar="REPORT.JSON...", type=click.Path(path_type=Path)
)
@click.option(
    "--markdown", type=click.Path(path_type=Path), metavar="FILE", help="Write it as Markdown."
)
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write it as a page.")
def command(reports: tuple[Path, ...], markdown: Path | None, html: Path | None) -> None:
    """Set reports side by side, rule by rule.

    A report is the report.json that `judge --report=DIR` writes.
    """
    table = matrix.of([read(path) for path in reports])
    for path, draw in ((markdown, matrix.markdown), (html, matrix.page)):
        if path:
            try:
                path.write_text(draw(table), encoding="utf-8", newline="\n")
            except OSError as error:
                raise Refusal(f"{path} can't be written: {error.strerror}.") from error
    if not (markdown or html):
        matrix.show(table)
