"""What the rules say of themselves: `--explain ID` and `--list-rules`. Judges nothing."""

from __future__ import annotations

import difflib
import io
import textwrap
from collections.abc import Collection

from rich.console import Console
from rich.table import Table

from zenml_conformance import zenml_source
from zenml_conformance.contract.rule import Profile, Rule
from zenml_conformance.contract.rules import RULES
from zenml_conformance.contract.selection import select
from zenml_conformance.judging.terms import Terms
from zenml_conformance.scenarios.scenario import SCENARIOS


class UnknownRule(ValueError):
    """There is no rule of that id. The message names the nearest one."""


def explain(rule_id: str, width: int) -> str:
    """Print a rule's page.

    Args:
        rule_id: The rule, in upper or lower case.
        width: Where to break lines.

    Returns:
        The page.

    Raises:
        UnknownRule: If there is no such rule.
    """
    rule = RULES.get(rule_id.upper())
    if rule is None:
        near = difflib.get_close_matches(rule_id.upper(), RULES, n=1, cutoff=0.4)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise UnknownRule(f"{rule_id}: there is no such rule.{hint}")
    facts = {
        "Level": rule.level.value,
        "Profile": rule.profile.value,
        "Applies": f"where {rule.capability.value} is declared" if rule.capability else "always",
        "Looks at": "jobs, which only the fake backend shows" if rule.needs_jobs else "",
        "After": ", ".join(rule.requires),
        "Since": rule.since,
    }
    lines = [*textwrap.wrap(f"{rule.id}: {rule.title}", width), ""]
    lines += [f"  {name + ':':<10}{fact}" for name, fact in facts.items() if fact]
    for name, text in {"Why": rule.why, "Fix": rule.fix}.items():
        lines += ["", *_paragraph(f"  {name + ':':<10}", text, width)]
    lines += ["", "  Seen in:"]
    for name in rule.scenarios:
        lines += _paragraph(f"    {name}: ", SCENARIOS[name].sentence, width, indent=6)
    if places := zenml_source.named_in(f"{rule.why} {rule.fix}"):
        lines += ["", "  In ZenML's source, as it is installed here:"]
        lines += [f"    {place}" for place in places]
    lines += ["", "  To see it:", f"    {_judged_alone(rule)}"]
    return "\n".join(lines)


def _judged_alone(rule: Rule) -> str:
    """The command that judges one rule, where it can be shown."""
    command = f"pytest --orchestrator=MODULE:FLAVOR --conformance-rules={rule.id}"
    if rule.needs_own_backend:
        command += " --conformance-tier=live"
    if rule.needs_server:
        command += " --conformance-store=server"
    return command


def _paragraph(head: str, text: str, width: int, indent: int = 12) -> list[str]:
    return textwrap.wrap(text, width, initial_indent=head, subsequent_indent=" " * indent)


def listing(
    profiles: Collection[Profile], names: Collection[str], width: int, more: str = "--explain ID"
) -> str:
    """Print all rules, one a line.

    Args:
        profiles: Those whose rules are listed; empty: all.
        names: Areas and ids of those that are listed; empty: all.
        width: The terminal's width.
        more: What prints one of them in full.

    Returns:
        A table.
    """
    table = Table(box=None, pad_edge=False)
    for name in ("Rule", "Level", "Profile", "What must hold"):
        table.add_column(name, no_wrap=name != "What must hold")
    terms = Terms(profiles=tuple(profiles), rules=select(names))
    rules = [rule for rule in RULES.values() if terms.includes(rule)]
    for rule in rules:
        table.add_row(rule.id, rule.level.value, rule.profile.value, rule.title)
    output = io.StringIO()
    console = Console(file=output, width=width, color_system=None, highlight=False, markup=False)
    console.print(table)
    console.print(f"\n{len(rules)} rules. {more} prints one of them in full.")
    return output.getvalue().rstrip()
