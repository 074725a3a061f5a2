"""`forecast`: one project, judged with two versions of ZenML."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import click
from packaging.version import InvalidVersion, Version

from zenml_conformance import distribution
from zenml_conformance.command import Refusal
from zenml_conformance.command.environments import judge_in, make_environment
from zenml_conformance.command.project import Project
from zenml_conformance.contract.rule import Outcome
from zenml_conformance.report import baseline, matrix
from zenml_conformance.report.model import Report


@click.command()
@click.argument("project", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--zenml",
    "versions",
    nargs=2,
    required=True,
    metavar="A B",
    help="The two versions, such as 0.97.1 0.98.0.",
)
@click.option(
    "--orchestrator",
    metavar="REF",
    help="What to judge, if the project's pyproject.toml does not name it for pytest.",
)
@click.option("--rules", metavar="AREA|ID,...", multiple=True, help="Judge these rules alone.")
@click.option(
    "--report",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Keep the reports there, each in a folder named after its version.",
)
def command(
    project: Path,
    versions: tuple[str, str],
    orchestrator: str | None,
    rules: tuple[str, ...],
    report: Path | None,
) -> None:
    """Tell which rules change with another ZenML.

    Installs the project in PROJECT and this suite into two virtual environments, with ZenML A and
    with ZenML B, judges the orchestrator in both at the simulated tier, and prints the rules whose
    outcome differs. Packages are installed with uv if it is there, or else with pip; the
    environments are removed in the end. The exit status is 1 if a rule gets worse.
    """
    _refuse_versions(versions)
    subject = Project.read(project)
    options = [*subject.judging_options(orchestrator), *(f"--conformance-rules={r}" for r in rules)]
    with tempfile.TemporaryDirectory(prefix=f"{distribution.NAME}-") as name:
        kept = report or Path(name, "reports")
        reports = []
        for version in versions:
            _say(f"ZenML {version}: installing it, {project} and the suite")
            python = make_environment(version, [str(project.resolve())], Path(name, version))
            _say(f"ZenML {version}: judging")
            reports.append(judge_in(python, project, options, (kept / version).resolve()))
    _show(versions, reports[0], reports[1])
    if worse(reports[0], reports[1]):
        raise click.exceptions.Exit(1)


def _say(text: str) -> None:
    click.echo(f"{time.strftime('%H:%M:%S')} {text} ...", err=True)


def _refuse_versions(versions: tuple[str, str]) -> None:
    """Refuse what is no version, or none that this suite supports."""
    supported = distribution.supported_zenml()
    for text in versions:
        try:
            version = Version(text)
        except InvalidVersion as error:
            raise Refusal(f"--zenml {text}: this is no version, such as 0.98.0.") from error
        if not supported.contains(version, prereleases=True):
            raise Refusal(
                f"--zenml {text}: this suite judges with ZenML {supported}. For another one, "
                f"install the {distribution.NAME} that supports it."
            )
    if Version(versions[0]) == Version(versions[1]):
        raise Refusal(f"--zenml {versions[0]} {versions[1]}: these are the same.")


def worse(before: Report, after: Report) -> list[str]:
    """List the rules that hold before and do not after.

    Args:
        before: The report with the one version.
        after: That with the other.

    Returns:
        The rules' ids.
    """
    outcomes = {
        rule.id: Outcome(rule.id, rule.status, rule.detail, rule.blocked_by, rule.tier)
        for rule in after.rules
    }
    return baseline.compare(before, outcomes).broken


def _show(versions: tuple[str, str], before: Report, after: Report) -> None:
    """Print the rules that change, and what was seen of those that get worse."""
    table = matrix.of([before, after])
    changes = matrix.changes(table)
    if changes.rows:
        matrix.show(changes)
    for rule in worse(before, after):
        result = after.result(rule)
        if result:
            click.echo(f"\n{rule}: {result.title}\n  {result.detail}")
    click.echo(
        f"\n{len(changes.rows)} of {len(table.rows)} rules change from ZenML {versions[0]} to "
        f"{versions[1]}, {len(worse(before, after))} of them for the worse."
    )
