"""Several reports side by side: rules down, orchestrators across."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from rich.console import Console
from rich.table import Table
from rich.text import Text

from zenml_conformance.contract.rule import Profile, Status
from zenml_conformance.contract.rules import RULES
from zenml_conformance.report.model import ProfileStanding, Report, RuleResult
from zenml_conformance.report.render import draw

LEFT_OUT = "left out"
UNKNOWN = "unknown"
"""The suite that wrote the report did not have the rule yet, or has it no more."""

STYLES = {
    Status.PASSED.word: "green",
    Status.FAILED.word: "bold red",
    Status.ERROR.word: "bold red",
    Status.NOT_APPLICABLE.word: "dim",
    LEFT_OUT: "dim",
    UNKNOWN: "dim",
}


@dataclass(frozen=True)
class Row:
    """A rule across all reports.

    Attributes:
        rule: The rule, as the newest report that has it says.
        cells: What became of it, in words, by report.
    """

    rule: RuleResult
    cells: list[str]


@dataclass(frozen=True)
class Matrix:
    """Reports side by side.

    Attributes:
        reports: The reports, as they were given.
        names: A name for each.
        profiles: What each profile came to, by report; None: nothing was said of it.
        rows: Every rule that some report judged, in the order of the specification.
        lacking: For each report whose suite lacks some of the rules: its name and their ids.
    """

    reports: list[Report]
    names: list[str]
    profiles: dict[Profile, list[ProfileStanding | None]]
    rows: list[Row]
    lacking: dict[str, list[str]]


def of(reports: list[Report]) -> Matrix:
    """Set reports side by side.

    Args:
        reports: The reports.

    Returns:
        The matrix.
    """
    results = {
        rule.id: rule
        for report in sorted(reports, key=lambda report: report.created)
        for rule in report.rules
    }
    # Ids that this suite does not know come last: they are of a later one.
    order = {rule_id: number for number, rule_id in enumerate(RULES)}
    ids = sorted(results, key=lambda rule_id: (order.get(rule_id, len(order)), rule_id))
    rows = [
        Row(results[rule_id], [_cell(report, rule_id) for report in reports]) for rule_id in ids
    ]
    names = _names(reports)
    lacking = {
        name: [row.rule.id for row in rows if row.cells[number] == UNKNOWN]
        for number, name in enumerate(names)
    }
    return Matrix(
        reports=reports,
        names=names,
        profiles={
            profile: standings
            for profile in Profile
            if any(standings := [_standing(report, profile) for report in reports])
        },
        rows=rows,
        lacking={name: ids for name, ids in lacking.items() if ids},
    )


def _cell(report: Report, rule_id: str) -> str:
    result = report.result(rule_id)
    if result:
        return result.status.word
    return LEFT_OUT if rule_id in report.left_out else UNKNOWN


def _standing(report: Report, profile: Profile) -> ProfileStanding | None:
    return next((some for some in report.profiles if some.profile is profile), None)


def _names(reports: list[Report]) -> list[str]:
    """Flavors; where two reports have the same one, with what sets them apart."""
    flavors = Counter(report.subject.flavor for report in reports)
    zenmls: dict[str, set[str]] = {}
    for report in reports:
        zenmls.setdefault(report.subject.flavor, set()).add(report.environment.zenml)
    names = []
    for report in reports:
        name = report.subject.flavor
        if flavors[name] > 1:
            version = report.subject.version or report.created.strftime("%Y-%m-%d %H:%M")
            server = ", server" if report.subject.store == "server" else ""
            zenml = f", ZenML {report.environment.zenml}" if len(zenmls[name]) > 1 else ""
            name = f"{name} {version}, {report.subject.tier.value}{server}{zenml}"
        names.append(name)
    counts = Counter(names)
    return [
        f"{name} ({names[:number].count(name) + 1})" if counts[name] > 1 else name
        for number, name in enumerate(names)
    ]


def changes(matrix: Matrix) -> Matrix:
    """Leave out the rules of which all reports say the same.

    Args:
        matrix: The matrix.

    Returns:
        The same, with the rows whose cells differ.
    """
    return replace(matrix, rows=[row for row in matrix.rows if len(set(row.cells)) > 1])


def show(matrix: Matrix) -> None:
    """Print a matrix.

    Args:
        matrix: The matrix.
    """
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    table.add_column("")
    for name in matrix.names:
        table.add_column(name, overflow="fold")
    table.add_row(
        "verdict",
        "",
        *(Text(report.verdict.label, style="bold") for report in matrix.reports),
    )
    table.add_row("MUST", "", *(r.verdict.tally for r in matrix.reports))
    for profile, standings in matrix.profiles.items():
        table.add_row(profile.value, "", *(some.label if some else "-" for some in standings))
    table.add_section()
    table.add_row()
    for row in matrix.rows:
        cells = [Text(cell, style=STYLES.get(cell, "yellow")) for cell in row.cells]
        table.add_row(row.rule.id, row.rule.level.value, *cells)
    console = Console(highlight=False, markup=False, emoji=False)
    console.print(table)
    for name, ids in matrix.lacking.items():
        console.print(f"\nthe suite that judged {name} lacks {', '.join(ids)}")


def markdown(
    matrix: Matrix,
    link_rule: Callable[[RuleResult], str] = lambda rule: rule.id,
    link_cell: Callable[[Report, RuleResult, str], str] = lambda report, rule, sign: sign,
) -> str:
    """Draw a matrix for a document.

    Args:
        matrix: The matrix.
        link_rule: Makes Markdown of a rule's id.
        link_cell: Makes Markdown of what a cell shows, which is Markdown.

    Returns:
        Markdown.
    """
    return draw("matrix.md.j2", matrix=matrix, link_rule=link_rule, link_cell=link_cell)


def page(matrix: Matrix) -> str:
    """Draw a matrix as a page that needs nothing but itself.

    Args:
        matrix: The matrix.

    Returns:
        HTML.
    """
    return draw("matrix.html.j2", matrix=matrix)
