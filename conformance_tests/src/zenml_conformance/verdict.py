"""The verdict: it can't be green by omission."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum

from zenml_conformance.rule import Level, Outcome, Status
from zenml_conformance.rules import RULES


class Kind(str, Enum):
    """What may be claimed.

    CONFORMANT: every MUST was judged and holds, or can't apply. PARTIAL: what could be seen
    holds, but some MUST could not be seen. NON_CONFORMANT: a MUST is broken. INCONCLUSIVE: a
    MUST was not judged at all.
    """

    CONFORMANT = "conformant"
    PARTIAL = "partial"
    NON_CONFORMANT = "non-conformant"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class Verdict:
    """What the outcomes add up to.

    Attributes:
        kind: What may be claimed.
        reason: Why, with the denominator.
        outcomes: Every outcome, by rule, in the order of the specification.
    """

    kind: Kind
    reason: str
    outcomes: dict[str, Outcome]

    def count(self, level: Level) -> Counter[Status]:
        """Count the outcomes of a level.

        Args:
            level: The level.

        Returns:
            How many rules came to which status.
        """
        return Counter(o.status for o in self.outcomes.values() if RULES[o.rule].level is level)

    def with_status(self, *statuses: Status) -> list[Outcome]:
        """List the outcomes of some statuses.

        Args:
            *statuses: The statuses.

        Returns:
            Their outcomes, in the order of the specification.
        """
        return [outcome for outcome in self.outcomes.values() if outcome.status in statuses]


def reach(outcomes: dict[str, Outcome]) -> Verdict:
    """Reach a verdict.

    Args:
        outcomes: What was judged; a rule that is missing was not.

    Returns:
        The verdict.
    """
    ordered = {rule_id: outcomes[rule_id] for rule_id in RULES if rule_id in outcomes}
    musts = [rule for rule in RULES.values() if rule.level is Level.MUST]
    by_status: dict[Status, list[str]] = {status: [] for status in Status}
    missing = []
    for rule in musts:
        if rule.id in ordered:
            by_status[ordered[rule.id].status].append(rule.id)
        else:
            missing.append(rule.id)
    held, inapplicable = len(by_status[Status.PASSED]), len(by_status[Status.NOT_APPLICABLE])
    figures = f"{held} of {len(musts)} MUST rules hold"
    if inapplicable:
        figures += f", {inapplicable} can't apply"
    broken = by_status[Status.FAILED]
    if broken:
        blocked = len(by_status[Status.BLOCKED])
        reason = f"{figures}; broken: {', '.join(broken)}"
        reason += f"; {blocked} could not be judged because of them" if blocked else ""
        return Verdict(Kind.NON_CONFORMANT, reason, ordered)
    unjudged = missing + by_status[Status.ERROR] + by_status[Status.BLOCKED]
    if unjudged:
        return Verdict(Kind.INCONCLUSIVE, f"{figures}; not judged: {_some(unjudged)}", ordered)
    unseen = by_status[Status.NOT_SEEN]
    if unseen:
        return Verdict(Kind.PARTIAL, f"{figures}; could not be seen: {_some(unseen)}", ordered)
    return Verdict(Kind.CONFORMANT, figures, ordered)


def _some(ids: list[str]) -> str:
    return ", ".join(ids[:12]) + (f" and {len(ids) - 12} more" if len(ids) > 12 else "")
