"""Judge ZenML's orchestrators, and write the matrix: `python -m subjects --help`."""

from __future__ import annotations

import argparse
from pathlib import Path

from subjects.catalogue import SUBJECTS
from subjects.matrix import BEGIN, END, PAGE, judge, save, tables, within
from zenml_conformance.report.model import read

OUTCOMES = Path(__file__).parent / "outcomes"


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m subjects", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    judging = commands.add_parser("judge", help="judge orchestrators, and keep the reports")
    judging.add_argument("flavors", nargs="+", choices=SUBJECTS, metavar="FLAVOR")
    commands.add_parser("write", help="write the matrix into the page, from what was kept")
    arguments = parser.parse_args()
    if arguments.command == "judge":
        for flavor in arguments.flavors:
            report = judge(SUBJECTS[flavor])
            save(report, OUTCOMES / f"{flavor}.json")
            print(f"{flavor}: {report.verdict.label}: {report.verdict.reason}")
        return
    text = tables([read(path) for path in OUTCOMES.glob("*.json")])
    PAGE.write_text(within(PAGE.read_text(encoding="utf-8"), BEGIN, END, text), encoding="utf-8")


if __name__ == "__main__":
    main()
