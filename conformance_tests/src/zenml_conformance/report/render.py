"""Draws reports: Markdown, a page, a badge."""

from __future__ import annotations

import math
import re
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from zenml_conformance.report.model import Report, RuleResult, ScenarioReport
from zenml_conformance.rule import Level, Status
from zenml_conformance.verdict import Kind

COLOURS = {
    Kind.CONFORMANT: "#1a7f37",
    Kind.PARTIAL: "#9a6700",
    Kind.NON_CONFORMANT: "#c62828",
    Kind.INCONCLUSIVE: "#57606a",
    Kind.NOT_CLAIMED: "#57606a",
}
"""Of the badge: white words can be read on each of them."""

ORDER = (
    Status.FAILED,
    Status.ERROR,
    Status.BLOCKED,
    Status.NOT_REACHED,
    Status.WAIVED,
    Status.NOT_SEEN,
    Status.PASSED,
    Status.NOT_APPLICABLE,
)
"""The most urgent first."""


def markdown(report: Report) -> str:
    """Draw a report for a pull request.

    Args:
        report: The report.

    Returns:
        Markdown, as forges understand it.
    """
    return draw("report.md.j2", report=report)


def page(report: Report) -> str:
    """Draw a report as a page that needs nothing but itself.

    Args:
        report: The report.

    Returns:
        HTML.
    """
    return draw(
        "report.html.j2",
        report=report,
        drawn={(scenario.tier.value, scenario.name) for scenario in report.scenarios},
    )


def badge(report: Report) -> str:
    """Draw the verdict as a badge.

    Args:
        report: The report.

    Returns:
        SVG.
    """
    verdict = report.verdict
    name, value = "ZenML conformance", f"{verdict.label} {verdict.held}/{verdict.musts}"
    widths = [round(6.6 * len(text)) + 12 for text in (name, value)]
    return draw("badge.svg.j2", name=name, value=value, widths=widths, colour=COLOURS[verdict.kind])


def draw(template: str, **values: Any) -> str:
    """Fill a template.

    Args:
        template: Its name.
        **values: What it shows.

    Returns:
        The text.
    """
    environment = Environment(
        loader=PackageLoader("zenml_conformance.report"),
        autoescape=select_autoescape(("html.j2", "svg.j2"), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        cell=_cell,
        code=_code,
        fence=_fence,
        ticks=_ticks,
        by_status=_by_status,
        share=_share,
        sentence=_sentence,
    )
    environment.globals.update(Status=Status, Level=Level, Kind=Kind, ORDER=ORDER)
    return environment.get_template(template).render(values)


def _by_status(rules: list[RuleResult]) -> dict[Status, list[RuleResult]]:
    """Group rules by status, the most urgent first."""
    grouped = {status: [rule for rule in rules if rule.status is status] for status in ORDER}
    return {status: some for status, some in grouped.items() if some}


def _cell(text: str) -> str:
    """Make a text fit for a cell of a Markdown table, whatever it is."""
    return re.sub(r"([\\`*_\[\]<>|~#@])", r"\\\1", " ".join(text.split()))


def _fence(text: str) -> str:
    """Show a text in Markdown as it is, whatever it is."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    marks = "`" * max(3, longest + 1)
    return f"{marks}text\n{text}\n{marks}"


def _code(text: str) -> Markup:
    """Set what stands between backticks as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped


def _ticks(scenario: ScenarioReport) -> list[tuple[float, str]]:
    """Round seconds for a time axis, with their places in percent."""
    seconds = max(scenario.seconds, 0.001)
    power = 10.0 ** math.floor(math.log10(seconds / 5))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= seconds / 5)
    count = int(seconds / step)
    return [(100 * number * step / seconds, f"{number * step:g} s") for number in range(count + 1)]


def _sentence(text: str) -> str:
    """Let a text begin with a capital, unless it begins with code."""
    return text[:1].upper() + text[1:]


def _share(value: float, whole: float) -> str:
    """A part of a whole, in percent."""
    return f"{100 * value / whole if whole else 0:.3f}%"
