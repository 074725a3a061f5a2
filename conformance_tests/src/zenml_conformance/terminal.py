"""What the terminal shows: a broken rule, and the verdict."""

from __future__ import annotations

import io
import textwrap

from rich.console import Console
from rich.table import Table

from zenml_conformance.description import Description
from zenml_conformance.rule import Level, Outcome, Status
from zenml_conformance.rules import RULES
from zenml_conformance.verdict import Verdict

COLUMNS = {
    Status.PASSED: "hold",
    Status.FAILED: "broken",
    Status.BLOCKED: "blocked",
    Status.NOT_APPLICABLE: "can't apply",
    Status.NOT_SEEN: "not seen",
    Status.ERROR: "error",
}


def explain(outcome: Outcome, width: int = 98) -> str:
    """Say everything that somebody needs who has to mend a broken rule.

    Args:
        outcome: A rule that is broken, or that crashed.
        width: Where to break lines.

    Returns:
        Some lines: rule and level, what was seen, what breaks in ZenML, how to mend it.
    """
    rule = RULES[outcome.rule]
    parts = {"Seen": outcome.detail, "Why": rule.why, "Fix": rule.fix}
    if outcome.status is Status.ERROR:
        parts = {"Seen": outcome.detail}
    lines = textwrap.wrap(f"{rule.id} ({rule.level.value}): {rule.title}", width)
    for name, text in parts.items():
        lines.append("")
        for number, line in enumerate(text.splitlines() or [""]):
            head = f"  {name + ':':<6}" if number == 0 else " " * 8
            lines += textwrap.wrap(line, width, initial_indent=head, subsequent_indent=" " * 8) or [
                ""
            ]
    return "\n".join(lines)


def summary(verdict: Verdict, description: Description, tier: str, width: int) -> str:
    """Draw the verdict.

    Args:
        verdict: The verdict.
        description: What was judged.
        tier: How it was seen.
        width: The terminal's width.

    Returns:
        Some lines.
    """
    table = Table(box=None, pad_edge=False, show_edge=False)
    table.add_column("")
    table.add_column("rules", justify="right")
    for title in COLUMNS.values():
        table.add_column(title, justify="right")
    for level in Level:
        counts = verdict.count(level)
        if counts:
            figures = [str(counts[status] or "·") for status in COLUMNS]
            table.add_row(level.value, str(sum(counts.values())), *figures)
    output = io.StringIO()
    console = Console(file=output, width=width, color_system=None, highlight=False)
    console.print(f"{description.orchestrator} (flavor {description.flavor!r})", markup=False)
    console.print(f"ZenML {description.zenml}, {tier}\n", markup=False)
    console.print(table)
    for status in (Status.FAILED, Status.ERROR, Status.NOT_SEEN, Status.NOT_APPLICABLE):
        outcomes = verdict.with_status(status)
        if outcomes:
            console.print(f"\n{COLUMNS[status]}:", markup=False)
        for outcome in outcomes:
            rule = RULES[outcome.rule]
            reason = "" if status in (Status.FAILED, Status.ERROR) else f" ({outcome.detail})"
            line = f"{rule.level.value:<6} {rule.title}{reason}"
            for text in textwrap.wrap(
                line, width, initial_indent=f"  {rule.id:<9}", subsequent_indent=" " * 18
            ):
                console.print(text, markup=False)
    roots: dict[str, list[str]] = {}
    for outcome in verdict.with_status(Status.BLOCKED):
        roots.setdefault(outcome.blocked_by or "", []).append(outcome.rule)
    for root, blocked in roots.items():
        console.print(f"\nblocked by {root}: {', '.join(blocked)}", markup=False)
    console.print(f"\n{verdict.kind.value.upper()}: {verdict.reason}.", markup=False)
    return output.getvalue().rstrip()
