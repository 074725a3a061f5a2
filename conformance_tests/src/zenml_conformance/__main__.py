"""`python -m zenml_conformance compare a.json b.json …`: several reports side by side."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from zenml_conformance.console import escape_unknown_characters
from zenml_conformance.inputs import printable
from zenml_conformance.report import matrix
from zenml_conformance.report.model import ReportError, read


def main(arguments: list[str] | None = None) -> int:
    """Compare reports.

    Args:
        arguments: The command line; None: the process's own.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(prog="zenml-conformance", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    compare = commands.add_parser("compare", help="set reports side by side, rule by rule")
    compare.add_argument("reports", nargs="+", type=Path, metavar="report.json")
    compare.add_argument("--markdown", type=Path, metavar="FILE", help="write it as Markdown")
    compare.add_argument("--html", type=Path, metavar="FILE", help="write it as a page")
    options = parser.parse_args(arguments)
    escape_unknown_characters()
    try:
        table = matrix.of([read(path) for path in options.reports])
        if options.markdown:
            options.markdown.write_text(matrix.markdown(table), encoding="utf-8", newline="\n")
        if options.html:
            options.html.write_text(matrix.page(table), encoding="utf-8", newline="\n")
    except (ReportError, OSError) as error:
        print(f"zenml-conformance: {printable(str(error))}", file=sys.stderr)
        return 2
    if not (options.markdown or options.html):
        matrix.show(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
