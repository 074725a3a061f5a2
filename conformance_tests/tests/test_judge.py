"""The judge: from evidence to outcomes, whatever the evidence is like."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from zenml_conformance.context.evidence import Evidence
from zenml_conformance.contract.rule import (
    MUST,
    RULES,
    SHOULD,
    Capability,
    Level,
    NotApplicable,
    NotSeen,
    Outcome,
    Status,
    Tier,
    Violation,
    rule,
)
from zenml_conformance.judging.judge import Judge, scenarios_of
from zenml_conformance.judging.runner import OutOfTime
from zenml_conformance.protocol import EngineError
from zenml_conformance.scenarios.diamond import Diamond
from zenml_conformance.scenarios.inspection import Inspection
from zenml_conformance.scenarios.killed import Killed
from zenml_conformance.scenarios.scenario import load
from zenml_conformance.scenarios.stopped import Stopped
from zenml_conformance.scenarios.together import Together

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
    """Evidence of a scenario that went well, on the fake backend; nothing is declared."""
    if scenario == "inspection":
        return Inspection(scenario=scenario, simulated=True, capabilities=[])
    return load(scenario).evidence(scenario=scenario, simulated=True, jobs=[])


def make(
    rule_id: str,
    error: Exception | None = None,
    level: Level = MUST,
    **options: bool | tuple[str, ...] | Capability,
) -> None:
    """Make a rule that holds, or raises something."""

    def check(diamond: Diamond) -> None:
        """A sentence.

        Why: a reason.

        Fix: a remedy.
        """
        if error:
            raise error

    rule(rule_id, level, **{"requires": (), **options})(check)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "status", "tier"),
    [
        (None, Status.PASSED, Tier.SIMULATED),
        (Violation("seen"), Status.FAILED, Tier.SIMULATED),
        (NotApplicable("why"), Status.NOT_APPLICABLE, None),
        (NotSeen("why"), Status.NOT_SEEN, None),
    ],
)
def test_what_a_check_raises_is_the_outcome(
    error: Exception | None, status: Status, tier: Tier | None
) -> None:
    make("A-1", error)
    outcome = Judge(evidence).outcome("A-1")
    assert outcome == Outcome("A-1", status, str(error) if error else "", tier=tier)


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


def on_its_own_backend(scenario: str) -> Evidence:
    """The same evidence, from the orchestrator's own backend."""
    return evidence(scenario).model_copy(update={"simulated": False, "jobs": None})


@pytest.mark.parametrize(
    ("needs_jobs", "error", "status", "tier"),
    [
        (True, None, Status.PASSED, Tier.SIMULATED),
        (True, Violation("seen"), Status.FAILED, Tier.SIMULATED),
        (False, NotSeen("why"), Status.NOT_SEEN, None),
        (False, None, Status.PASSED, Tier.LIVE),
        (False, Violation("seen"), Status.FAILED, Tier.LIVE),
    ],
)
def test_a_stand_in_shows_what_could_not_be_seen_and_only_that(
    needs_jobs: bool, error: Exception | None, status: Status, tier: Tier | None
) -> None:
    make("A-1", error, needs_jobs=needs_jobs)
    outcome = Judge(on_its_own_backend, Judge(evidence)).outcome("A-1")
    assert (outcome.status, outcome.tier) == (status, tier)


def test_without_a_stand_in_it_is_not_seen() -> None:
    make("A-1", needs_jobs=True)
    assert Judge(on_its_own_backend).outcome("A-1").status is Status.NOT_SEEN


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
    black_box = Judge(on_its_own_backend)
    assert black_box.outcome("A-1").status is Status.NOT_SEEN


def test_what_ran_elsewhere_was_shown_live() -> None:
    make("A-1")
    assert Judge(on_its_own_backend).outcome("A-1").tier is Tier.LIVE


def test_what_looks_at_classes_alone_was_shown_without_a_run() -> None:
    @rule("A-1", MUST, requires=())
    def check(inspection: Inspection) -> None:
        """A sentence.

        Why: a reason.

        Fix: a remedy.
        """

    assert Judge(evidence).outcome("A-1").tier is Tier.STATIC


def test_what_is_not_declared_can_not_apply_whatever_else_is_broken() -> None:
    make("A-1", Violation("seen"))
    make("A-2", Violation("seen"), requires=("A-1",), capability=Capability.SCHEDULES)
    outcome = Judge(evidence).outcome("A-2")
    assert outcome.status is Status.NOT_APPLICABLE
    assert outcome.detail == "it does not declare schedules"


def test_what_is_declared_is_judged() -> None:
    make("A-1", Violation("seen"), capability=Capability.SCHEDULES)
    judge = Judge(lambda name: evidence(name).model_copy(update={"capabilities": ["schedules"]}))
    assert judge.outcome("A-1").status is Status.FAILED


def test_without_an_inspection_nobody_knows_what_is_declared() -> None:
    make("A-1", capability=Capability.SCHEDULES)
    judge = Judge(lambda name: evidence(name).model_copy(update={"broken": "its log"}))
    outcome = judge.outcome("A-1")
    assert outcome.status is Status.ERROR
    assert "'inspection'" in outcome.detail


def test_what_there_is_no_time_for_is_not_reached_and_nothing_that_stands_on_it() -> None:
    def evidence_of(scenario: str) -> Evidence:
        raise OutOfTime(f"no time for {scenario}")

    make("A-1")
    make("A-2", requires=("A-1",))
    judge = Judge(evidence_of)
    assert judge.outcome("A-1") == Outcome("A-1", Status.NOT_REACHED, "no time for diamond")
    assert judge.outcome("A-2").status is Status.NOT_REACHED
    assert "A-1" in judge.outcome("A-2").detail


def test_what_a_must_needs_is_played_before_what_others_want() -> None:
    def check(popular: Together) -> None:
        """A sentence.

        Why: a reason.

        Fix: a remedy.
        """

    for number in range(5):
        rule(f"A-{number}", SHOULD, requires=())(check)

    @rule("B-1", MUST, requires=())
    def needed_by_one(needed: Killed) -> None:
        """A sentence.

        Why: a reason.

        Fix: a remedy.
        """

    order = scenarios_of(list(RULES), jobs_are_seen=True)
    assert order.index("killed") < order.index("together")


@pytest.mark.parametrize("tier", [None, Tier.LIVE])
def test_an_outcome_survives_the_way_from_a_worker(tier: Tier | None) -> None:
    outcome = Outcome("A-1", Status.BLOCKED, "Größe\n2", "A-2", tier)
    assert Outcome.from_dict(outcome.to_dict()) == outcome


def test_two_rules_never_share_an_id() -> None:
    make("A-1")
    with pytest.raises(ValueError, match="two rules are called A-1"):
        make("A-1")


class NotLeft(Diamond):
    """No scenario leaves it."""


@pytest.mark.parametrize("kind", [NotLeft, Evidence, int, list[Diamond]])
def test_a_rule_takes_what_a_scenario_leaves_and_nothing_else(kind: object) -> None:
    def check(seen: object) -> None:
        """A sentence.

        Why: a reason.

        Fix: a remedy.
        """

    check.__annotations__["seen"] = kind
    with pytest.raises(TypeError, match="A-1: the type of 'seen' is no scenario's evidence"):
        rule("A-1", MUST)(check)
    assert not RULES


def test_what_was_not_seen_ends_a_rule_that_touches_it() -> None:
    @rule("A-1", MUST, requires=())
    def check(stopped: Stopped) -> None:
        """A sentence.

        Why: a reason.

        Fix: a remedy.
        """
        if stopped.stop.raised:
            raise Violation("seen")

    outcome = Judge(evidence).outcome("A-1")
    assert outcome == Outcome("A-1", Status.NOT_SEEN, "no run got far enough to be stopped")


def test_a_rule_without_a_page_is_refused() -> None:
    def check(diamond: Diamond) -> None:
        """Only a sentence."""

    with pytest.raises(ValueError, match=r"A-1: .* `Why:`"):
        rule("A-1", MUST)(check)


def test_without_an_engine_nothing_is_judged() -> None:
    def evidence_of(scenario: str) -> Evidence:
        raise EngineError("the engine can't be reached")

    make("A-1")
    with pytest.raises(EngineError):
        Judge(evidence_of).outcome("A-1")
