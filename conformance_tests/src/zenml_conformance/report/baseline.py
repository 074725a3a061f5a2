"""A baseline: an earlier report, against which only what got worse counts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from zenml_conformance.contract.rule import Outcome, Status
from zenml_conformance.contract.rules import RULES
from zenml_conformance.errors import InputError
from zenml_conformance.inputs import shown
from zenml_conformance.report.model import Change, Report, ReportError
from zenml_conformance.report.model import read as read_report

OPTION = "--conformance-baseline"
OUT_OF_ORDER = (Status.FAILED, Status.ERROR, Status.BLOCKED, Status.WAIVED)
UNJUDGED = (Status.NOT_SEEN, Status.NOT_REACHED)


class BaselineError(InputError):
    """The baseline can't be used. The message says why."""


def read(path: Path) -> Report:
    """Read a baseline.

    Args:
        path: A `report.json`.

    Returns:
        The report.

    Raises:
        BaselineError: If it is no report.
    """
    try:
        return read_report(path)
    except ReportError as error:
        raise BaselineError(f"{OPTION}: {error}") from error


def refuse_other(report: Report, flavor: str) -> None:
    """Refuse the report of another orchestrator.

    Args:
        report: The baseline.
        flavor: The flavor that is judged now.

    Raises:
        BaselineError: If the report is of another one.
    """
    if report.subject.flavor != flavor:
        raise BaselineError(
            f"{OPTION}: this is the report of flavor {shown(report.subject.flavor)}, and "
            f"{flavor!r} is judged. What is a regression only a report of the same one can tell."
        )


def broken_in(report: Report) -> frozenset[str]:
    """List the rules that were out of order already.

    Args:
        report: The baseline.

    Returns:
        Ids of rules that were broken, waived, blocked or crashed.
    """
    return frozenset(rule.id for rule in report.with_status(*OUT_OF_ORDER))


def compare(
    report: Report, outcomes: Mapping[str, Outcome], selected: Collection[str] | None = None
) -> Change:
    """Say what is different now.

    Args:
        report: The baseline.
        outcomes: What became of the rules now.
        selected: The rules that were to be judged; None: all of them.

    Returns:
        The change. A rule that is broken and that the baseline did not judge is new, and no
        regression: nobody knows what it was like then.
    """
    then = {rule.id: rule.status for rule in report.rules if rule.status is not Status.NOT_REACHED}
    now = {id: o.status for id, o in outcomes.items() if o.status is not Status.NOT_REACHED}
    shared = [rule for rule in RULES if rule in then and rule in now]
    return Change(
        since=report.created,
        suite=report.environment.suite,
        fixed=[r for r in shared if then[r] in OUT_OF_ORDER and now[r] is Status.PASSED],
        broken=[
            r
            for r in shared
            if then[r] not in OUT_OF_ORDER
            and now[r] in (Status.FAILED, Status.ERROR, Status.BLOCKED)
        ],
        new=[rule for rule in RULES if rule in now and rule not in then],
        gone=[
            rule
            for rule, status in then.items()
            if (selected is None or rule in selected)
            and status not in UNJUDGED
            and now.get(rule, Status.NOT_SEEN) in UNJUDGED
        ],
    )
