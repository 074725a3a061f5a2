"""The registry of verdicts: what is in `verdicts/`, the page that shows it, and whether it is so.

    python tools/verdicts.py                      write docs/verdicts.md
    python tools/verdicts.py --check              exit with 1 if it is stale, or an entry is wrong
    python tools/verdicts.py --reproduce FOLDER   judge again, and exit with 1 if that differs

The suite must be installed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from generated_files import stale
from zenml_conformance.command import Refusal
from zenml_conformance.command.environments import judge_in, make_environment
from zenml_conformance.contract.rule import Level, Status, Tier
from zenml_conformance.errors import InputError
from zenml_conformance.inputs import read_text
from zenml_conformance.report import matrix
from zenml_conformance.report.model import Report, RuleResult, read

ROOT = Path(__file__).resolve().parents[1]
REGISTRY, PAGE = ROOT / "verdicts", ROOT / "docs" / "verdicts.md"

HEAD = """\
# Verdicts

What the suite says of orchestrators that were added by pull request, with the report and with what
is needed to judge again. `tools/verdicts.py` writes this page from the folder
[`verdicts`](../verdicts/README.md), which says how to add one. ZenML's own orchestrators have
[a page of their own](zenml-orchestrators.md).

"""


class EntryError(Exception):
    """An entry of the registry is wrong. The message says how."""


class HowToJudge(BaseModel):
    """The content of `subject.yaml`.

    Attributes:
        orchestrator: What `--orchestrator` takes.
        install: What pip installs beside ZenML and the suite.
        harness: What `--orchestrator-harness` takes.
        python_path: A directory of this repository that has what is judged, if nothing installs it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    orchestrator: str
    install: list[str] = []
    harness: str | None = None
    python_path: str | None = None


@dataclass(frozen=True)
class Entry:
    """A folder of the registry."""

    path: Path
    how: HowToJudge
    report: Report

    def options(self) -> list[str]:
        """Return what pytest is told."""
        options = [f"--orchestrator={self.how.orchestrator}"]
        if self.how.harness:
            options.append(f"--orchestrator-harness={self.how.harness}")
        return options


def load(path: Path) -> Entry:
    """Read an entry, and see whether it says what it may.

    Raises:
        EntryError: If it does not.
    """
    place = path.name
    try:
        how = HowToJudge.model_validate(yaml.safe_load(read_text(path / "subject.yaml")))
        report = read(path / "report.json")
    except (InputError, yaml.YAMLError, ValidationError) as error:
        raise EntryError(f"{place}: {error}") from error
    problems = list(_problems(path, report))
    if problems:
        raise EntryError("\n".join(f"{place}: {problem}" for problem in problems))
    return Entry(path, how, report)


def _problems(path: Path, report: Report) -> Iterator[str]:
    version = f"-{report.subject.version}" if report.subject.version else ""
    name = f"{report.subject.flavor}{version}-zenml-{report.environment.zenml}"
    if path.name != name:
        yield f"by its report, the folder is called {name!r}."
    if report.subject.tier is not Tier.SIMULATED:
        yield (
            f"it was judged on the {report.subject.tier.value} tier, which nobody else can do "
            "again. Judge without --conformance-tier."
        )
    if failed := [rule.id for rule in report.with_status(Status.ERROR)]:
        yield f"the suite itself failed at {', '.join(failed)}. Judge again."
    if report.left_out:
        yield f"rules were left out ({', '.join(report.left_out)}). Judge by all of them."
    held = [
        rule.id
        for rule in report.rules
        if rule.level is Level.MUST and rule.status is Status.PASSED
    ]
    if len(held) != report.verdict.held:
        yield f"the verdict counts {report.verdict.held} MUST that hold; its rules, {len(held)}."


def entries() -> list[Entry]:
    """Read the registry.

    Raises:
        EntryError: If an entry is wrong.
    """
    return [load(path) for path in sorted(REGISTRY.iterdir()) if path.is_dir()]


def page() -> str:
    """Return the text of the page."""
    reports = [entry.report for entry in entries()]

    def link(rule: RuleResult) -> str:
        return f'[{rule.id}](rules.md#{rule.id.lower()} "{rule.title}")'

    return HEAD + matrix.markdown(matrix.of(reports), link)


def reproduce(path: Path) -> list[str]:
    """Judge an entry again, with its version of ZenML.

    Returns:
        Rules that come out otherwise, with both outcomes.

    Raises:
        EntryError: If the entry is wrong.
        Refusal: If it can't be installed or judged.
    """
    entry = load(path)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        zenml = entry.report.environment.zenml
        python = make_environment(zenml, entry.how.install, directory / "environment")
        (directory / "empty").mkdir()
        place = entry.how.python_path
        within = ROOT / place if place else directory / "empty"
        again = judge_in(python, within, entry.options(), directory / "report")
    changed = matrix.changes(matrix.of([entry.report, again]))
    return [f"{row.rule.id}: {' / '.join(row.cells)}" for row in changed.rows]


def main(arguments: list[str] | None = None) -> int:
    """Write, check or judge again; return the exit status."""
    parser = argparse.ArgumentParser(description="The registry of verdicts.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if stale")
    parser.add_argument("--reproduce", type=Path, metavar="FOLDER", help="judge an entry again")
    options = parser.parse_args(arguments)
    try:
        if options.reproduce:
            changed = reproduce(options.reproduce.resolve())
            print("\n".join(changed) or "the same")
            return int(bool(changed))
        text = page()
    except (EntryError, Refusal) as error:
        print(error, file=sys.stderr)
        return 1
    behind = stale({PAGE: text}, write=not options.check)
    if behind and options.check:
        print("docs/verdicts.md is behind verdicts/: run python tools/verdicts.py")
        return 1
    if behind:
        print("wrote docs/verdicts.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
