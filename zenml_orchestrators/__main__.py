"""Judge ZenML's orchestrators, and write the matrix: `python -m zenml_orchestrators --help`."""

from __future__ import annotations

import argparse

from zenml_orchestrators.catalogue import SUBJECTS
from zenml_orchestrators.judge import judge
from zenml_orchestrators.outcome import newest
from zenml_orchestrators.page import PAGE, redrawn


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m zenml_orchestrators", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    judging = commands.add_parser("judge", help="judge orchestrators, and keep the outcomes")
    judging.add_argument("flavors", nargs="+", choices=SUBJECTS, metavar="FLAVOR")
    commands.add_parser("write", help="write the matrix into the page, from what was kept")
    arguments = parser.parse_args()
    if arguments.command == "write":
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(redrawn(page, newest()), encoding="utf-8", newline="\n")
        return
    for flavor in arguments.flavors:
        outcomes = judge(SUBJECTS[flavor])
        outcomes.write()
        verdict = outcomes.report().verdict
        print(f"{flavor}: {verdict.label}: {verdict.reason}")


if __name__ == "__main__":
    main()
