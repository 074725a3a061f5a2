"""Claims are checked both ways."""

from __future__ import annotations

import pytest

from samples import outcomes
from zenml_conformance.context.evidence import UnderClaim
from zenml_conformance.contract.claims import Claim, Shown, check
from zenml_conformance.contract.rule import Capability, Level, Status
from zenml_conformance.contract.rules import RULES

STOP = Capability.STOP
STOPS = [r.id for r in RULES.values() if r.capability is STOP and r.level is Level.MUST]


def claim(*declared: Capability, **changed: Status) -> Claim:
    """What is said of stopping runs when its first MUST comes to something."""
    first = {STOPS[0]: changed["first"]} if changed else {}
    (found,) = [c for c in check(declared, outcomes(first)) if c.capability == STOP.value]
    return found


def test_declared_and_working() -> None:
    assert claim(STOP) == Claim(STOP.value, True, Shown.WORKS, ", ".join(STOPS))


@pytest.mark.parametrize("status", [Status.FAILED, Status.WAIVED])
def test_declared_and_failing(status: Status) -> None:
    assert claim(STOP, first=status) == Claim(STOP.value, True, Shown.FAILS, STOPS[0])


@pytest.mark.parametrize(
    "status", [Status.NOT_SEEN, Status.NOT_REACHED, Status.BLOCKED, Status.ERROR]
)
def test_declared_and_not_seen(status: Status) -> None:
    assert claim(STOP, first=status).shown is Shown.UNSEEN


def test_a_rule_that_can_not_apply_does_not_stand_in_the_way() -> None:
    assert claim(STOP, first=Status.NOT_APPLICABLE).shown is Shown.WORKS


def test_not_declared() -> None:
    assert claim() == Claim(STOP.value, False, Shown.UNDECLARED)


def test_working_without_being_declared() -> None:
    found = [UnderClaim(capability=STOP.value, detail="a job was cancelled")]
    (said,) = [c for c in check([], outcomes(), found) if c.capability == STOP.value]
    assert said == Claim(STOP.value, False, Shown.UNDER_CLAIMED, "a job was cancelled")


def test_working_without_a_name_of_ours() -> None:
    found = [UnderClaim(capability="time travel", detail="it ended before it began")]
    assert check([], {}, found)[-1] == Claim(
        "time travel", False, Shown.UNDER_CLAIMED, "it ended before it began"
    )


def test_every_capability_is_said_something_of() -> None:
    assert [claim.capability for claim in check([], {})] == [c.value for c in Capability]
