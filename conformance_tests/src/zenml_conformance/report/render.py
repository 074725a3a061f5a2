"""Draws reports: Markdown, a page, a badge."""

from __future__ import annotations

import base64
import hashlib
import itertools
import math
import re
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from zenml_conformance.contract.rule import Level, Status
from zenml_conformance.contract.rules import RULES
from zenml_conformance.inputs import printable
from zenml_conformance.judging.verdict import Kind
from zenml_conformance.report.model import Report, RuleResult, ScenarioReport

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
    file = files(__package__) / "templates" / "report.js"
    script = Markup(file.read_text("utf-8"))  # noqa: S704 - it is ours
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return draw(
        "report.html.j2",
        report=report,
        script=script,
        script_hash=f"sha256-{digest}",
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
    name, value = "ZenML conformance", f"{verdict.label}, {verdict.tally} that apply"
    widths = [round(6.6 * len(text)) + 12 for text in (name, value)]
    return draw("badge.svg.j2", name=name, value=value, widths=widths, colour=COLOURS[verdict.kind])


def draw(template: str, **values: Any) -> str:
    """Fill a template.

    Args:
        template: Its name.
        **values: What it shows. All text is escaped, for HTML or for Markdown, unless the template
            says that it is markup.

    Returns:
        The text.
    """
    is_markdown = template.endswith(".md.j2")
    environment = Environment(
        loader=PackageLoader("zenml_conformance.report"),
        autoescape=not is_markdown,  # noqa: S701 - `_inline` escapes Markdown
        finalize=_inline if is_markdown else _visible,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        code=_code,
        code_span=_code_span,
        fence=_fence,
        markup=Markup,
        ticks=_ticks,
        by_area=_by_area,
        by_status=_by_status,
        linked=_linked,
        share=_share,
        sentence=_sentence,
    )
    environment.globals.update(Status=Status, Level=Level, Kind=Kind, ORDER=ORDER)
    return environment.get_template(template).render(values)


def _by_status(rules: list[RuleResult]) -> dict[Status, list[RuleResult]]:
    """Group rules by status, the most urgent first."""
    grouped = {status: [rule for rule in rules if rule.status is status] for status in ORDER}
    return {status: some for status, some in grouped.items() if some}


def _by_area(rules: list[RuleResult]) -> list[tuple[str, list[RuleResult]]]:
    """Group rules by area; those of an area stand together in the specification."""
    groups = itertools.groupby(rules, lambda rule: rule.area)
    return [(area, list(group)) for area, group in groups]


def _linked(text: str) -> Markup:
    """Make a link of each id of a rule."""

    def link(match: re.Match[str]) -> str:
        id = match[0]
        return f'<a class="id" href="#{id.lower()}">{id}</a>' if id in RULES else id

    return Markup(re.sub(r"\b[A-Z]+-\d+\b", link, str(escape(printable(text)))))  # noqa: S704 - escaped


def _visible(value: Any) -> Any:
    """Leave no control character in what is put into a template."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _inline(value: Any) -> Any:
    """Make a text mean nothing in Markdown, be it in a paragraph, a list or a table's cell."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    text = re.sub(r"([\\`*_\[\]<>|~#@&$])", r"\\\1", " ".join(printable(value).split()))
    return re.sub(r"^([-+=]|\d+[.)](?=\s|$))", _escape_last, text)


def _escape_last(match: re.Match[str]) -> str:
    """Escape what would begin a list or underline a heading."""
    return f"{match[0][:-1]}\\{match[0][-1]}"


def _fence(text: str, language: str = "text") -> Markup:
    """Show a text in Markdown as it is, whatever it is."""
    shown = printable(text)
    marks = "`" * max(3, _longest_run(shown) + 1)
    return Markup(f"{marks}{language}\n{shown}\n{marks}")  # noqa: S704 - nothing ends the fence


def _code_span(text: str) -> Markup:
    """Show a word in Markdown as code, whatever it is; a table's cell ends at `|` even there."""
    shown = " ".join(printable(text).split()).replace("|", "\\|")
    marks = "`" * (_longest_run(shown) + 1)
    space = " " if "`" in shown else ""
    return Markup(f"{marks}{space}{shown}{space}{marks}")  # noqa: S704 - nothing ends the span


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall(r"`+", text)), default=0)


def _code(text: str) -> Markup:
    """Set what stands between backticks as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(printable(text)))))  # noqa: S704 - escaped


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
