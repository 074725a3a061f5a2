"""What the terminal shows: a broken rule, and the verdict."""

from __future__ import annotations

import io
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from zenml_conformance.contract.claims import Shown
from zenml_conformance.contract.rule import Level, Outcome, Status, Tier
from zenml_conformance.contract.rules import RULES
from zenml_conformance.judging.description import Description
from zenml_conformance.judging.verdict import Kind, Verdict
from zenml_conformance.judging.waivers import WaiverState
from zenml_conformance.session.result import Result

COLUMNS = {
    Status.PASSED: "hold",
    Status.FAILED: "broken",
    Status.BLOCKED: "blocked",
    Status.NOT_APPLICABLE: "can't apply",
    Status.NOT_SEEN: "not seen",
    Status.WAIVED: "waived",
    Status.NOT_REACHED: "not reached",
    Status.ERROR: "error",
}
ALWAYS = (Status.PASSED, Status.FAILED, Status.NOT_APPLICABLE)
"""Columns that are shown when they hold nothing, too."""

STYLES = {
    Kind.CONFORMANT: "bold green",
    Kind.PARTIAL: "bold yellow",
    Kind.NON_CONFORMANT: "bold red",
    Kind.INCONCLUSIVE: "bold yellow",
    Kind.NOT_CLAIMED: "dim",
}


def explain(outcome: Outcome, width: int = 98) -> str:
    """Say everything that a reader needs to fix what breaks a rule.

    Args:
        outcome: A rule that is broken, or that crashed.
        width: Where to break lines.

    Returns:
        Some lines: rule and level, what was seen, what breaks in ZenML, how to fix it.
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


def summary(
    result: Result, description: Description, tier: str, width: int, *, colour: bool = False
) -> str:
    """Draw the verdict.

    Args:
        result: What the session came to.
        description: What was judged.
        tier: How it was seen.
        width: The terminal's width.
        colour: Whether it shows colours.

    Returns:
        Some lines.
    """
    output = io.StringIO()
    console = Console(
        file=output,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
        markup=False,
        soft_wrap=True,
        emoji=False,
    )
    verdict = result.verdict
    console.print(f"{description.orchestrator} (flavor {description.flavor!r})", style="bold")
    console.print(f"ZenML {description.zenml}, {tier}\n")
    console.print(_levels(verdict))
    if len(verdict.profiles) > 1:
        console.print()
        console.print(_profiles(verdict))
    for line in [*_tiers(verdict), *_rules(verdict, width), *_claims(result, width)]:
        console.print(line)
    for line in [*_waivers(result, width), *_change(result, width)]:
        console.print(line)
    label = verdict.label.upper()
    said = Text("\n".join(_wrapped(f"{label}: {verdict.reason}.", width, "\n", indent=2)))
    said.highlight_words([label], STYLES[verdict.kind])
    console.print(said)
    for problem in result.problems:
        for text in _wrapped(problem, width, "  ! ", indent=4):
            console.print(text, style="red")
    return output.getvalue().rstrip()


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, show_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    return table


def _levels(verdict: Verdict) -> Table:
    """How many rules of which level came to what."""
    whole = Counter(outcome.status for outcome in verdict.outcomes.values())
    shown = [status for status in COLUMNS if whole[status] or status in ALWAYS]
    table = _table("", "rules", *(COLUMNS[status] for status in shown))
    for level in Level:
        if counts := verdict.count(level):
            figures = [str(counts[status] or "·") for status in shown]
            table.add_row(level.value, str(sum(counts.values())), *figures)
    return table


def _profiles(verdict: Verdict) -> Table:
    """What each profile comes to."""
    table = Table(box=None, pad_edge=False, show_edge=False, show_header=False)
    for profile, standing in verdict.profiles.items():
        figures = "" if standing.kind is Kind.NOT_CLAIMED else standing.figures
        label = Text(standing.label, style=STYLES[standing.kind])
        table.add_row(profile.value, label, figures)
    return table


def _tiers(verdict: Verdict) -> Iterable[str]:
    """How many rules were shown on which tier, where there were two."""
    shown = Counter(outcome.tier for outcome in verdict.outcomes.values())
    if shown[Tier.LIVE] and shown[Tier.SIMULATED]:
        yield (
            f"\nshown live: {shown[Tier.LIVE]} rules; on the fake backend: "
            f"{shown[Tier.SIMULATED]}; without a run: {shown[Tier.STATIC]}"
        )


def _rules(verdict: Verdict, width: int) -> Iterable[str]:
    """The rules that there is something to say of."""
    for status in (Status.FAILED, Status.ERROR, Status.WAIVED, Status.NOT_SEEN):
        outcomes = verdict.with_status(status)
        if outcomes:
            yield f"\n{COLUMNS[status]}:"
        for outcome in outcomes:
            rule = RULES[outcome.rule]
            reason = f" ({outcome.detail})" if status is Status.NOT_SEEN else ""
            line = f"{rule.level.value:<6} {rule.title}{reason}"
            yield from _wrapped(line, width, f"  {rule.id:<9}", indent=18)
    reasons = _grouped(verdict.with_status(Status.NOT_APPLICABLE), lambda o: o.detail)
    if reasons:
        yield "\ncan't apply:"
    for reason, ids in reasons.items():
        yield from _wrapped(f"{', '.join(ids)}: {reason}", width, "  ", indent=4)
    if late := [outcome.rule for outcome in verdict.with_status(Status.NOT_REACHED)]:
        yield from _wrapped(f"not reached: {', '.join(late)}", width, "\n", indent=2)
    roots = _grouped(verdict.with_status(Status.BLOCKED), lambda o: o.blocked_by or "")
    waived = {outcome.rule for outcome in verdict.with_status(Status.WAIVED)}
    for root, ids in roots.items():
        more = " (waived; these need waivers of their own)" if root in waived else ""
        yield from _wrapped(f"blocked by {root}{more}: {', '.join(ids)}", width, "\n", indent=2)
        if root in verdict.blockers:  # It has no test whose failure would say why.
            yield textwrap.indent(explain(verdict.outcomes[root], width - 2), "  ")


def _claims(result: Result, width: int) -> Iterable[str]:
    """What is declared, by what became of it, and what is not."""
    by_shown: dict[Shown, list[str]] = {}
    for claim in result.claims:
        by_shown.setdefault(claim.shown, []).append(claim.capability)
    words = {
        Shown.WORKS: "declared, and works",
        Shown.FAILS: "declared, and fails",
        Shown.UNSEEN: "declared, not seen",
        Shown.UNDECLARED: "not declared",
    }
    if by_shown:
        yield ""
    for shown, word in words.items():
        if shown in by_shown:
            yield from _wrapped(f"{word}: {', '.join(by_shown[shown])}", width, "", indent=2)
    for claim in result.claims:
        if claim.shown is Shown.UNDER_CLAIMED:
            line = f"there, but not declared: {claim.capability}"
            yield from _wrapped(f"{line} ({claim.detail})", width, "", indent=2)


def _waivers(result: Result, width: int) -> Iterable[str]:
    """The ledger."""
    if result.ledger:
        yield "\nwaivers:"
    for entry in result.ledger:
        waiver = entry.waiver
        state = "" if entry.state is WaiverState.IN_USE else f"{entry.state.value}; "
        more = f", {waiver.issue}" if waiver.issue else ""
        line = f"{state}{waiver.reason} ({waiver.owner}, until {waiver.expires}{more})"
        yield from _wrapped(line, width, f"  {waiver.rule:<9}", indent=11)


def _change(result: Result, width: int) -> Iterable[str]:
    """What is different from the baseline."""
    change = result.change
    if change is None:
        return
    yield f"\nsince {change.since.date()} (suite {change.suite}):"
    status = {rule: outcome.status for rule, outcome in result.verdict.outcomes.items()}
    groups = {
        "fixed": change.fixed,
        "regressions": change.broken,
        "judged for the first time": [f"{rule} ({status[rule].word})" for rule in change.new],
        "no longer judged": change.gone,
    }
    for name, ids in groups.items():
        if ids:
            yield from _wrapped(f"{name}: {', '.join(ids)}", width, "  ", indent=4)
    if not any(groups.values()):
        yield "  nothing is different"


def _grouped(outcomes: Iterable[Outcome], key: Callable[[Outcome], str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for outcome in outcomes:
        groups.setdefault(key(outcome), []).append(outcome.rule)
    return groups


def _wrapped(text: str, width: int, head: str, *, indent: int) -> list[str]:
    lead = "\n" if head.startswith("\n") else ""
    lines = textwrap.wrap(
        text, width, initial_indent=head.lstrip("\n"), subsequent_indent=" " * indent
    )
    return [lead + lines[0], *lines[1:]] if lines else []
