"""Claims, checked both ways: what is declared, and what was shown."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from zenml_conformance.context.evidence import UnderClaim
from zenml_conformance.contract.rule import Capability, Level, Outcome, Status
from zenml_conformance.contract.rules import RULES


class Shown(str, Enum):
    """What became of a claim.

    UNDER_CLAIMED: there is code for it, and ZenML is not told. UNSEEN: it is declared, and no
    MUST rule could show it.
    """

    WORKS = "works"
    FAILS = "fails"
    UNSEEN = "not seen"
    UNDECLARED = "not declared"
    UNDER_CLAIMED = "there, but not declared"


@dataclass(frozen=True)
class Claim:
    """A capability, as declared and as shown.

    Attributes:
        capability: What it is called.
        declared: Whether the orchestrator declares it.
        shown: What became of it.
        detail: The rules that show it, or what was seen.
    """

    capability: str
    declared: bool
    shown: Shown
    detail: str = ""


def check(
    declared: Collection[Capability],
    outcomes: Mapping[str, Outcome],
    under_claims: Sequence[UnderClaim] = (),
) -> list[Claim]:
    """Hold what is declared against what was shown.

    Args:
        declared: What the orchestrator declares.
        outcomes: What became of the rules, by rule.
        under_claims: What was found without being declared.

    Returns:
        A claim for each capability, in the order of `Capability`, and one for each further
        under-claim.
    """
    unsaid = {found.capability: found.detail for found in under_claims}
    claims = []
    for capability in Capability:
        detail = unsaid.pop(capability.value, None)
        if capability in declared:
            claims.append(_shown(capability, outcomes))
        elif detail is not None:
            claims.append(Claim(capability.value, False, Shown.UNDER_CLAIMED, detail))
        else:
            claims.append(Claim(capability.value, False, Shown.UNDECLARED))
    return claims + [
        Claim(capability, False, Shown.UNDER_CLAIMED, detail)
        for capability, detail in unsaid.items()
    ]


def _shown(capability: Capability, outcomes: Mapping[str, Outcome]) -> Claim:
    rules = [rule for rule in RULES.values() if rule.capability is capability]
    telling = [rule for rule in rules if rule.level is Level.MUST] or rules
    judged = [outcomes[rule.id] for rule in telling if rule.id in outcomes]
    # What a waiver excuses still does not work.
    failed = [o.rule for o in judged if o.status in (Status.FAILED, Status.WAIVED)]
    held = [o.rule for o in judged if o.status is Status.PASSED]
    if failed:
        return Claim(capability.value, True, Shown.FAILS, ", ".join(failed))
    applicable = [o for o in judged if o.status is not Status.NOT_APPLICABLE]
    if held and len(held) == len(applicable):
        return Claim(capability.value, True, Shown.WORKS, ", ".join(held))
    return Claim(capability.value, True, Shown.UNSEEN)
