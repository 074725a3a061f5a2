"""The judge: from evidence to outcomes, whatever the evidence is like."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from zenml_conformance.engine.protocol import EngineError
from zenml_conformance.judge import Judge
from zenml_conformance.lab.evidence import Evidence
from zenml_conformance.rule import (
    MUST,
    RULES,
    NotApplicable,
    NotSeen,
    Outcome,
    Status,
    Violation,
    rule,
)

Check = Callable[..., None]


@pytest.fixture(autouse=True)
def no_rules() -> Iterator[None]:
    """Let each test make its own rules, and put those of the contract back."""
    rules = dict(RULES)
    RULES.clear()
    yield
    RULES.clear()
    RULES.update(rules)


def evidence(scenario: str) -> Evidence:
    """Evidence of a scenario that went well, on the reference backend."""
    return Evidence(scenario=scenario, simulated=True)


def make(rule_id: str, error: Exception | None = None, **options: bool | tuple[str, ...]) -> None:
    """Make a rule that holds, or raises something."""

    def check(diamond: Evidence) -> None:
        """A sentence.

        Why: a reason.

        Fix: a remedy.
        """
        if error:
            raise error

    rule(rule_id, MUST, **{"requires": (), **options})(check)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (None, Status.PASSED),
        (Violation("seen"), Status.FAILED),
        (NotApplicable("why"), Status.NOT_APPLICABLE),
        (NotSeen("why"), Status.NOT_SEEN),
    ],
)
def test_what_a_check_raises_is_the_outcome(error: Exception | None, status: Status) -> None:
    make("A-1", error)
    outcome = Judge(evidence).outcome("A-1")
    assert outcome == Outcome("A-1", status, str(error) if error else "")


def test_a_check_that_crashes_is_an_error_of_its_own() -> None:
    make("A-1", IndexError("list index out of range"))
    make("A-2")
    judge = Judge(evidence)
    assert judge.outcome("A-1").status is Status.ERROR
    assert "IndexError" in judge.outcome("A-1").detail
    assert judge.outcome("A-2").status is Status.PASSED


def test_a_broken_scenario_is_an_error_that_says_which() -> None:
    make("A-1", Violation("never reached"))
    broken = Evidence(scenario="diamond", simulated=True, broken="its process was killed")
    outcome = Judge(lambda _: broken).outcome("A-1")
    assert outcome.status is Status.ERROR
    assert "'diamond'" in outcome.detail
    assert "its process was killed" in outcome.detail


@pytest.mark.parametrize("error", [Violation("seen"), KeyError("crash")])
def test_what_stands_on_a_rule_that_does_not_hold_is_blocked_by_the_root(error: Exception) -> None:
    make("A-1", error)
    make("A-2", requires=("A-1",))
    make("A-3", requires=("A-2",))
    judge = Judge(evidence)
    for blocked in ("A-3", "A-2"):
        outcome = judge.outcome(blocked)
        assert outcome.status is Status.BLOCKED
        assert outcome.blocked_by == "A-1"


@pytest.mark.parametrize("reason", [NotApplicable("why"), NotSeen("why")])
def test_what_stands_on_a_rule_that_was_not_judged_is_judged(reason: Exception) -> None:
    make("A-1", reason)
    make("A-2", Violation("seen"), requires=("A-1",))
    assert Judge(evidence).outcome("A-2").status is Status.FAILED


def test_a_rule_is_judged_once() -> None:
    asked: list[str] = []

    def evidence_of(scenario: str) -> Evidence:
        asked.append(scenario)
        return evidence(scenario)

    make("A-1")
    make("A-2", requires=("A-1",))
    judge = Judge(evidence_of)
    for rule_id in ("A-2", "A-1", "A-2"):
        judge.outcome(rule_id)
    assert asked == ["diamond", "diamond"]


def test_without_jobs_a_rule_about_jobs_is_not_passed() -> None:
    make("A-1", needs_jobs=True)
    black_box = Judge(lambda name: Evidence(scenario=name, simulated=False))
    assert black_box.outcome("A-1").status is Status.NOT_SEEN


def test_an_outcome_survives_the_way_from_a_worker() -> None:
    outcome = Outcome("A-1", Status.BLOCKED, "Größe\n2", "A-2")
    assert Outcome.from_dict(outcome.to_dict()) == outcome


def test_two_rules_never_share_an_id() -> None:
    make("A-1")
    with pytest.raises(ValueError, match="two rules are called A-1"):
        make("A-1")


def test_a_rule_without_a_page_is_refused() -> None:
    def check(diamond: Evidence) -> None:
        """Only a sentence."""

    with pytest.raises(ValueError, match=r"A-1: .* `Why:`"):
        rule("A-1", MUST)(check)


def test_without_an_engine_nothing_is_judged() -> None:
    def evidence_of(scenario: str) -> Evidence:
        raise EngineError("the engine can't be reached")

    make("A-1")
    with pytest.raises(EngineError):
        Judge(evidence_of).outcome("A-1")
