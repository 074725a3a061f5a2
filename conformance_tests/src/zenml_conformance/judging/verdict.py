"""The verdict: it can't be green by omission."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from enum import Enum

from zenml_conformance.contract.rule import Level, Outcome, Profile, Rule, Status
from zenml_conformance.contract.rules import RULES


class Kind(str, Enum):
    """What may be claimed.

    CONFORMANT: every MUST was judged and holds, is waived, or can't apply. PARTIAL: what could be
    seen holds, but some MUST could not be seen. NON_CONFORMANT: a MUST is broken. INCONCLUSIVE: a
    MUST was not judged at all, or rules were not selected. NOT_CLAIMED, of a profile: none of its
    MUST rules applies.
    """

    CONFORMANT = "conformant"
    PARTIAL = "partial"
    NON_CONFORMANT = "non-conformant"
    INCONCLUSIVE = "inconclusive"
    NOT_CLAIMED = "not claimed"


@dataclass(frozen=True)
class Standing:
    """What the rules of one profile, or of several, add up to.

    Attributes:
        kind: What may be claimed.
        musts: Their MUST rules by what became of them, in the order of the specification.
        unjudged: MUST rules that were to be judged, and were not.
        waived: Their waived rules of all levels.
        unselected: How many of their rules, of all levels, were not selected.
    """

    kind: Kind
    musts: dict[Status, list[str]]
    unjudged: list[str]
    waived: list[str]
    unselected: int

    @property
    def held(self) -> int:
        """How many MUST rules hold."""
        return len(self.musts[Status.PASSED])

    @property
    def total(self) -> int:
        """How many MUST rules were to be judged."""
        return sum(map(len, self.musts.values())) + len(self.unjudged)

    @property
    def inapplicable(self) -> int:
        """How many of them can't apply."""
        return len(self.musts[Status.NOT_APPLICABLE])

    @property
    def label(self) -> str:
        """What may be claimed, in words; waivers and a selection are part of the claim."""
        if self.unselected:
            return f"{self.kind.value} (selected rules only)"
        if not self.waived or self.kind not in (Kind.CONFORMANT, Kind.PARTIAL):
            return self.kind.value
        plural = "s" if len(self.waived) > 1 else ""
        return f"{self.kind.value}, with {len(self.waived)} waiver{plural}"

    @property
    def figures(self) -> str:
        """How many MUST rules hold, of those that apply, and how many can't apply."""
        more = f", {self.inapplicable} can't apply" if self.inapplicable else ""
        return f"{self.held} of {self.total - self.inapplicable} MUST rules that apply hold{more}"

    @property
    def reason(self) -> str:
        """Why, with the denominator."""
        unseen = self.musts[Status.NOT_SEEN]
        parts = [self.figures]
        if self.kind is Kind.NON_CONFORMANT:
            parts.append(f"broken: {', '.join(self.musts[Status.FAILED])}")
            if blocked := self.musts[Status.BLOCKED]:
                parts.append(f"blocked: {_some(blocked)}")
        elif self.kind is Kind.INCONCLUSIVE:
            if late := self.musts[Status.NOT_REACHED]:
                parts.append(f"not reached in time: {_some(late)}")
            unjudged = self.unjudged + self.musts[Status.ERROR] + self.musts[Status.BLOCKED]
            if unjudged:
                parts.append(f"not judged: {_some(unjudged)}")
        if unseen and self.kind in (Kind.PARTIAL, Kind.INCONCLUSIVE):
            parts.append(f"could not be seen: {_some(unseen)}")
        if self.waived:
            parts.append(f"waived: {', '.join(self.waived)}")
        if self.unselected:
            parts.append(f"{self.unselected} rules were not selected")
        return "; ".join(parts)


@dataclass(frozen=True)
class Verdict(Standing):
    """What all the outcomes add up to.

    Attributes:
        outcomes: Every outcome, by rule, in the order of the specification.
        profiles: What each profile adds up to.
        scope: The profiles that were to be judged; empty: all of them.
        blockers: Rules that were not selected, and block selected ones.
    """

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    profiles: dict[Profile, Standing] = field(default_factory=dict)
    scope: tuple[Profile, ...] = ()
    blockers: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """Why, with the denominator, and of which profiles alone it speaks."""
        if not self.scope:
            return super().reason
        names = ", ".join(profile.value for profile in self.scope)
        return f"of {names} alone, {super().reason}"

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


def reach(
    outcomes: dict[str, Outcome],
    scope: Collection[Profile] = (),
    rules: Iterable[Rule] = RULES.values(),
    selected: Collection[str] | None = None,
) -> Verdict:
    """Reach a verdict.

    Args:
        outcomes: What was judged; a rule that is missing was not.
        scope: The profiles that it is to speak of; empty: all of them.
        rules: The rules that there are, in the order of the specification.
        selected: Those that were to be judged; None: all of them. A verdict on a selection is
            never conformant, and leaves out profiles of which it has no rule.

    Returns:
        The verdict.
    """
    # What was not selected and was judged all the same blocks what was selected.
    blockers = set() if selected is None else outcomes.keys() - set(selected)
    rules = [r for r in rules if not scope or r.profile in scope or r.id in blockers]
    judged = {rule.id for rule in rules if selected is None or rule.id in selected} | blockers
    by_profile = {
        profile: [rule for rule in rules if rule.profile is profile]
        for profile in Profile
        if not scope or profile in scope
    }
    whole = _stand(rules, outcomes, judged)
    return Verdict(
        # What no profile claims is not a verdict of the whole: nothing was shown then.
        kind=Kind.INCONCLUSIVE if whole.kind is Kind.NOT_CLAIMED else whole.kind,
        musts=whole.musts,
        unjudged=whole.unjudged,
        waived=whole.waived,
        unselected=whole.unselected,
        outcomes={rule.id: outcomes[rule.id] for rule in rules if rule.id in outcomes},
        profiles={
            profile: _stand(some, outcomes, judged)
            for profile, some in by_profile.items()
            if any(rule.id in judged for rule in some)
        },
        scope=tuple(profile for profile in Profile if profile in scope),
        blockers=tuple(rule.id for rule in rules if rule.id in blockers),
    )


def _stand(rules: list[Rule], outcomes: dict[str, Outcome], judged: set[str]) -> Standing:
    musts: dict[Status, list[str]] = {status: [] for status in Status}
    unjudged = []
    mine = [rule for rule in rules if rule.id in judged]
    unselected = len(rules) - len(mine)
    for rule in mine:
        if rule.level is Level.MUST:
            if rule.id in outcomes:
                musts[outcomes[rule.id].status].append(rule.id)
            else:
                unjudged.append(rule.id)
    waived = [r.id for r in mine if r.id in outcomes and outcomes[r.id].status is Status.WAIVED]
    kind = _kind(musts, unjudged)
    if unselected and kind is not Kind.NON_CONFORMANT:
        kind = Kind.INCONCLUSIVE
    return Standing(kind, musts, unjudged, waived, unselected)


def _kind(musts: dict[Status, list[str]], unjudged: list[str]) -> Kind:
    if musts[Status.NOT_APPLICABLE] and not unjudged and sum(map(bool, musts.values())) == 1:
        return Kind.NOT_CLAIMED
    if musts[Status.FAILED]:
        return Kind.NON_CONFORMANT
    if unjudged or any(musts[s] for s in (Status.ERROR, Status.BLOCKED, Status.NOT_REACHED)):
        return Kind.INCONCLUSIVE
    return Kind.PARTIAL if musts[Status.NOT_SEEN] else Kind.CONFORMANT


def _some(ids: list[str]) -> str:
    return ", ".join(ids[:12]) + (f" and {len(ids) - 12} more" if len(ids) > 12 else "")
