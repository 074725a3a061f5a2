"""The tables of the page about ZenML's orchestrators."""

from __future__ import annotations

from pathlib import Path

from zenml_conformance.report import matrix
from zenml_conformance.rule import Tier
from zenml_orchestrators.catalogue import SUBJECTS
from zenml_orchestrators.outcome import Outcomes

PAGE = Path(__file__).parents[1] / "docs" / "zenml-orchestrators.md"
BEGIN, END = "<!-- matrix: begin -->\n", "<!-- matrix: end -->"


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
    return "\n".join(matrix.markdown(matrix.of(some)) for some in (ran, looked_at) if some)
