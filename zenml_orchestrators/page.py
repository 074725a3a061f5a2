"""The tables of the page about ZenML's orchestrators."""

from __future__ import annotations

from pathlib import Path

from zenml_conformance.contract.rule import Status, Tier
from zenml_conformance.report import matrix
from zenml_conformance.report.model import Report, RuleResult
from zenml_orchestrators.catalogue import SUBJECTS
from zenml_orchestrators.outcome import Outcomes

PAGE = Path(__file__).parents[1] / "docs" / "zenml-orchestrators.md"
PAGES = {"local": "zenml-local.md"}
"""Orchestrators with a page of their own."""

BEGIN, END = "<!-- matrix: begin -->\n", "<!-- matrix: end -->"


def anchor(flavor: str, rule_id: str) -> str:
    """Name the place of a finding in its page. It never changes: others link to it.

    Args:
        flavor: The orchestrator's flavor.
        rule_id: The rule that is broken.

    Returns:
        The HTML id.
    """
    return f"{flavor}-{rule_id.lower()}"


def redrawn(page: str, outcomes: list[Outcomes]) -> str:
    """Draw the page's tables anew.

    Args:
        page: The page.
        outcomes: What the tables show.

    Returns:
        The new page.
    """
    head, rest = page.split(BEGIN)
    return head + BEGIN + _tables(outcomes) + END + rest.split(END)[1]


def _tables(outcomes: list[Outcomes]) -> str:
    """Set side by side what ran, and what was only looked at."""
    order = list(SUBJECTS)
    reports = [one.report() for one in sorted(outcomes, key=lambda one: order.index(one.flavor))]
    ran = [report for report in reports if report.subject.tier is not Tier.STATIC]
    looked_at = [report for report in reports if report.subject.tier is Tier.STATIC]
    tables = [
        matrix.markdown(matrix.of(some), _link_rule, _link_cell)
        for some in (ran, looked_at)
        if some
    ]
    return "\n".join([*tables[:1], *filter(None, map(_emulated, ran)), *tables[1:]])


def _emulated(report: Report) -> str:
    """Name the rules of an orchestrator on its own backend that were judged on an emulation."""
    rules = [rule.id for rule in report.rules if rule.tier is Tier.SIMULATED]
    if report.subject.tier is not Tier.LIVE or not rules:
        return ""
    return (
        f"`{report.subject.flavor}` was judged on its own backend, and by these rules on the "
        f"emulated service: {', '.join(rules)}.\n"
    )


def _link_rule(rule: RuleResult) -> str:
    return f'[{rule.id}](rules.md#{rule.id.lower()} "{rule.title}")'


def _link_cell(report: Report, rule: RuleResult, sign: str) -> str:
    if rule.id not in {broken.id for broken in report.with_status(Status.FAILED)}:
        return sign
    flavor = report.subject.flavor
    page = PAGES.get(flavor, "")
    return f"[{sign}]({page}#{anchor(flavor, rule.id)})"
