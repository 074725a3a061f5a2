"""Judge ZenML's orchestrators, and write the matrix: `python -m subjects --help`."""

from __future__ import annotations

import argparse
from pathlib import Path

from subjects.catalogue import SUBJECTS
from subjects.matrix import BEGIN, END, PAGE, Verdicts, matrix, within

OUTCOMES = Path(__file__).parent / "outcomes"


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m subjects", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    judge = commands.add_parser("judge", help="judge orchestrators, and keep what came of it")
    judge.add_argument("flavors", nargs="+", choices=SUBJECTS, metavar="FLAVOR")
    commands.add_parser("write", help="write the matrix into the page, from what was kept")
    arguments = parser.parse_args()
    if arguments.command == "judge":
        for flavor in arguments.flavors:
            verdicts = Verdicts.reach(SUBJECTS[flavor])
            verdicts.save(OUTCOMES / f"{flavor}.json")
            print(f"{flavor}: {verdicts.summary}")
        return
    table = matrix([Verdicts.load(path) for path in OUTCOMES.glob("*.json")])
    PAGE.write_text(within(PAGE.read_text(encoding="utf-8"), BEGIN, END, table), encoding="utf-8")


if __name__ == "__main__":
    main()
