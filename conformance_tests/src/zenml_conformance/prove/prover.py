"""Runs mutants against the orchestrator under test, and judges what comes of it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from zenml_conformance.context.evidence import Evidence
from zenml_conformance.contract.rule import Status
from zenml_conformance.judging.judge import Judge
from zenml_conformance.judging.runner import Runner
from zenml_conformance.prove.mutant import Mutant, Needs
from zenml_conformance.prove.proof import Catch, Proof


class Prover:
    """Proves rules, after the orchestrator has been judged as it is."""

    def __init__(self, runner: Runner, judge: Judge, ahead: Sequence[Mutant]) -> None:
        """Begin nothing yet.

        Args:
            runner: The way to the engine, and to what was run without any fault.
            judge: The judge of the orchestrator as it is.
            ahead: The mutants that are going to be asked for, in order: they are all planned
                at the first question, so that the engine never has to wait for the next.
        """
        self._runner = runner
        self._judge = judge
        self._ahead = ahead

    def prove(self, mutant: Mutant) -> Proof:
        """Run a mutant, and see what its rule says.

        What is not run is as with the orchestrator as it is: the rules that this one requires
        can be judged, and a mutant costs no more than its own scenarios.

        Args:
            mutant: The mutant.

        Returns:
            Whether it was caught.
        """
        for other in self._ahead:
            if self._obstacle(other) is None:
                self._faulty(other).plan(list(other.scenarios))
        self._ahead = ()
        if obstacle := self._obstacle(mutant):
            return self._proof(mutant, Catch.NOT_RUN, obstacle)
        faulty = self._faulty(mutant)
        faulty.plan(list(mutant.scenarios))

        def evidence(scenario: str) -> Evidence:
            source = faulty if scenario in mutant.scenarios else self._runner
            return source.evidence(scenario)

        judge = Judge(evidence)
        outcome = judge.outcome(mutant.rule)
        if outcome.status is Status.NOT_REACHED:
            return self._proof(mutant, Catch.NOT_RUN, outcome.detail)
        if outcome.status is Status.FAILED:
            shutil.rmtree(faulty.directory, ignore_errors=True)
            return self._proof(mutant, Catch.CAUGHT, outcome.detail)
        if outcome.blocked_by:
            outcome = judge.outcome(outcome.blocked_by)
            if outcome.status is Status.FAILED:
                return self._proof(mutant, Catch.BLOCKED, f"{outcome.rule} turned red first")
        said = f"{outcome.rule} is {outcome.status.value}"
        detail = f"{said}: {outcome.detail}" if outcome.detail else said
        return self._proof(mutant, Catch.MISSED, f"{detail}; see {faulty.scenarios}")

    def _obstacle(self, mutant: Mutant) -> str | None:
        """Why a mutant can't be run; None: it can."""
        outcome = self._judge.outcome(mutant.rule)
        if outcome.status is not Status.PASSED:
            return f"the rule is {outcome.status.value} as it is"
        if mutant.needs is Needs.NOTHING:
            return None
        diamond = self._runner.evidence("diamond")
        fits = diamond.simulated if mutant.needs is Needs.JOBS else diamond.in_process
        return None if fits else mutant.needs.value

    def _faulty(self, mutant: Mutant) -> Runner:
        return self._runner.with_mutant(mutant.name)

    def _proof(self, mutant: Mutant, catch: Catch, detail: str) -> Proof:
        return Proof(
            rule=mutant.rule,
            mutant=mutant.name,
            fault=mutant.fault,
            catch=catch,
            detail=detail,
            holds=self._judge.outcome(mutant.rule).status is Status.PASSED,
        )
