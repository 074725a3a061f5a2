"""From evidence to outcomes: which rules hold, which are broken, which could not be seen."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

from zenml_conformance.context.evidence import Evidence
from zenml_conformance.contract.rule import (
    FAKE_PROCESSES,
    NO_BACKEND,
    NO_SERVER,
    Capability,
    Level,
    NotApplicable,
    NotSeen,
    Outcome,
    Rule,
    Status,
    Tier,
    Violation,
)
from zenml_conformance.contract.rules import RULES
from zenml_conformance.inputs import printable
from zenml_conformance.judging.runner import OutOfTime
from zenml_conformance.protocol import EngineError
from zenml_conformance.scenarios.inspection import Inspection

INSPECTION = Inspection.SCENARIO
"""The scenario that runs nothing: it looks at classes and configuration."""


class CannotRun(Exception):
    """A scenario could not be run to its end, so what it left says nothing."""


class Judge:
    """Judges rules; each once, however many others require it."""

    def __init__(
        self, evidence_of: Callable[[str], Evidence], stand_in: Judge | None = None
    ) -> None:
        """Start with nothing judged.

        Args:
            evidence_of: Gives a scenario's evidence, by name; may wait for it, and may raise
                `OutOfTime`.
            stand_in: Judges, on other evidence, what this one does not show; None: nobody does.
        """
        self.evidence_of = evidence_of
        self.stand_in = stand_in
        self._outcomes: dict[str, Outcome] = {}

    def outcome(self, rule_id: str) -> Outcome:
        """Judge a rule, after those that it requires.

        Args:
            rule_id: The rule.

        Returns:
            What became of it.
        """
        if rule_id not in self._outcomes:
            outcome = self._judge(RULES[rule_id])
            if outcome.status is Status.NOT_SEEN and self.stand_in:
                outcome = self.stand_in.outcome(rule_id)
            # What was seen may be in the words of the judged.
            self._outcomes[rule_id] = replace(outcome, detail=printable(outcome.detail))
        return self._outcomes[rule_id]

    def _judge(self, rule: Rule) -> Outcome:
        try:
            if rule.capability and rule.capability not in self._declared():
                raise NotApplicable(f"it does not declare {rule.capability.value}")
            for required in rule.requires:
                if outcome := self._without_ground(rule, self.outcome(required)):
                    return outcome
            if rule.needs_jobs:
                self._look_at_jobs()
            if rule.needs_own_backend and self.evidence_of("diamond").simulated:
                raise NotApplicable(FAKE_PROCESSES)
            if rule.needs_server and not self.evidence_of("diamond").own_server:
                raise NotApplicable(NO_SERVER)
            evidence = [self._played(name) for name in rule.scenarios]
            tier = _tier(evidence)
            try:
                rule.check(*evidence)
            except Violation as violation:
                return Outcome(rule.id, Status.FAILED, str(violation), tier=tier)
            return Outcome(rule.id, Status.PASSED, tier=tier)
        except NotApplicable as reason:
            return Outcome(rule.id, Status.NOT_APPLICABLE, str(reason))
        except NotSeen as reason:
            return Outcome(rule.id, Status.NOT_SEEN, str(reason))
        except OutOfTime as reason:
            return Outcome(rule.id, Status.NOT_REACHED, str(reason))
        except CannotRun as reason:
            return Outcome(rule.id, Status.ERROR, str(reason))
        except EngineError:
            raise  # It says nothing about the rule: the session can't go on.
        except Exception:
            return Outcome(
                rule.id,
                Status.ERROR,
                f"the rule itself crashed, which is a mistake of the suite:\n"
                f"{traceback.format_exc()}",
            )

    def _without_ground(self, rule: Rule, ground: Outcome) -> Outcome | None:
        """What becomes of a rule when one that it requires does not hold; None: it can be judged.

        A ground that could not be judged at all does not stand in the way.
        """
        if ground.status is Status.NOT_REACHED:
            return Outcome(
                rule.id, Status.NOT_REACHED, f"{ground.rule}, which comes first, was not"
            )
        if ground.status in (Status.FAILED, Status.BLOCKED, Status.ERROR):
            root = ground.blocked_by or ground.rule
            return Outcome(rule.id, Status.BLOCKED, f"it can't be judged before {root} holds", root)
        return None

    def _played(self, scenario: str) -> Evidence:
        evidence = self.evidence_of(scenario)
        if evidence.broken:
            raise CannotRun(f"scenario {scenario!r} could not be run:\n{evidence.broken}")
        return evidence

    def _look_at_jobs(self) -> None:
        """See whether there are jobs at all, before more is run for a rule about them."""
        diamond = self.evidence_of("diamond")
        if diamond.in_process and not diamond.simulated:
            raise NotApplicable(NO_BACKEND)
        _ = diamond.jobs

    def _declared(self) -> list[str]:
        inspection = self._played(INSPECTION)
        assert isinstance(inspection, Inspection)
        return inspection.capabilities


def _tier(evidence: list[Evidence]) -> Tier:
    runs = [seen for seen in evidence if seen.scenario != INSPECTION]
    if not runs:
        return Tier.STATIC
    return Tier.SIMULATED if all(seen.simulated for seen in runs) else Tier.LIVE


def scenarios_of(
    rule_ids: list[str],
    jobs_are_seen: bool,
    declared: Collection[Capability] = tuple(Capability),
    own_servers: bool = False,
) -> list[str]:
    """List the scenarios that rules need, those of their required rules included.

    Args:
        rule_ids: The rules.
        jobs_are_seen: Whether the fake backend is connected.
        declared: The capabilities that the orchestrator declares; rules about others run
            nothing.
        own_servers: Whether each scenario has a ZenML server of its own.

    Returns:
        Scenario names: those that a MUST needs first, and of these the most wanted.
    """
    first = [INSPECTION] if are_static(rule_ids) else ["diamond", INSPECTION]
    wanted, needed = Counter(first), {*first}
    todo, seen = list(rule_ids), set()
    while todo:
        rule = RULES[todo.pop()]
        if rule.id not in seen:
            seen.add(rule.id)
            todo += rule.requires
            applies = rule.capability is None or rule.capability in declared
            unseen = rule.needs_own_backend if jobs_are_seen else rule.needs_jobs
            if applies and not unseen and (own_servers or not rule.needs_server):
                wanted.update(rule.scenarios)
                if rule.level is Level.MUST:
                    needed.update(rule.scenarios)
    return sorted(wanted, key=lambda name: (name not in needed, -wanted[name]))


def are_static(rule_ids: Iterable[str]) -> bool:
    """Say whether rules, and those that they require, can be judged without running anything.

    Args:
        rule_ids: The rules.

    Returns:
        Whether they can.
    """
    for rule in map(RULES.__getitem__, rule_ids):
        needs_runs = rule.needs_jobs or rule.needs_own_backend or rule.needs_server
        if needs_runs or rule.scenarios != (INSPECTION,) or not are_static(rule.requires):
            return False
    return True
