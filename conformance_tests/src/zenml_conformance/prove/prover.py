"""Plays sabotages against the orchestrator under test, and judges what comes of it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from zenml_conformance.conductor import Conductor
from zenml_conformance.judge import Judge
from zenml_conformance.lab.evidence import Evidence
from zenml_conformance.prove.proof import Catch, Proof
from zenml_conformance.prove.sabotage import Needs, Sabotage
from zenml_conformance.rule import Status


class Prover:
    """Proves rules, after the orchestrator has been judged as it is."""

    def __init__(self, conductor: Conductor, judge: Judge, ahead: Sequence[Sabotage]) -> None:
        """Begin nothing yet.

        Args:
            conductor: The way to the engine, and to what was played without any fault.
            judge: The judge of the orchestrator as it is.
            ahead: The sabotages that are going to be asked for, in order: they are all planned
                at the first question, so that the engine never has to wait for the next.
        """
        self._conductor = conductor
        self._judge = judge
        self._ahead = ahead

    def prove(self, sabotage: Sabotage) -> Proof:
        """Play a sabotage, and see what its rule says.

        What is not played is as with the orchestrator as it is: the rules that this one requires
        can be judged, and a sabotage costs no more than its own scenarios.

        Args:
            sabotage: The sabotage.

        Returns:
            Whether it was caught.
        """
        for other in self._ahead:
            if self._obstacle(other) is None:
                self._faulty(other).plan(list(other.scenarios))
        self._ahead = ()
        if obstacle := self._obstacle(sabotage):
            return self._proof(sabotage, Catch.UNPLAYED, obstacle)
        faulty = self._faulty(sabotage)
        faulty.plan(list(sabotage.scenarios))

        def evidence(scenario: str) -> Evidence:
            source = faulty if scenario in sabotage.scenarios else self._conductor
            return source.evidence(scenario)

        judge = Judge(evidence)
        outcome = judge.outcome(sabotage.rule)
        if outcome.status is Status.NOT_REACHED:
            return self._proof(sabotage, Catch.UNPLAYED, outcome.detail)
        if outcome.status is Status.FAILED:
            shutil.rmtree(faulty.directory, ignore_errors=True)
            return self._proof(sabotage, Catch.CAUGHT, outcome.detail)
        if outcome.blocked_by:
            outcome = judge.outcome(outcome.blocked_by)
            if outcome.status is Status.FAILED:
                return self._proof(sabotage, Catch.BLOCKED, f"{outcome.rule} turned red first")
        said = f"{outcome.rule} is {outcome.status.value}"
        detail = f"{said}: {outcome.detail}" if outcome.detail else said
        return self._proof(sabotage, Catch.MISSED, f"{detail}; see {faulty.scenarios}")

    def _obstacle(self, sabotage: Sabotage) -> str | None:
        """Why a sabotage can't be played; None: it can."""
        outcome = self._judge.outcome(sabotage.rule)
        if outcome.status is not Status.PASSED:
            return f"the rule is {outcome.status.value} as it is"
        if sabotage.needs is Needs.NOTHING:
            return None
        diamond = self._conductor.evidence("diamond")
        fits = diamond.simulated if sabotage.needs is Needs.JOBS else diamond.in_process
        return None if fits else sabotage.needs.value

    def _faulty(self, sabotage: Sabotage) -> Conductor:
        return self._conductor.sabotaged(sabotage.name)

    def _proof(self, sabotage: Sabotage, catch: Catch, detail: str) -> Proof:
        return Proof(
            rule=sabotage.rule,
            sabotage=sabotage.name,
            fault=sabotage.fault,
            catch=catch,
            detail=detail,
            holds=self._judge.outcome(sabotage.rule).status is Status.PASSED,
        )
