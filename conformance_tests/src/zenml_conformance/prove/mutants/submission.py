"""Mutants of submission."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

from zenml_conformance.protocol import EngineError
from zenml_conformance.prove.mutant import Needs, mutant

if TYPE_CHECKING:
    from zenml_conformance.prove.injector import Around, FaultInjector

NO_JOB = "no-such-job"
"""An id that the fake backend never gives out."""


@mutant("SUB-1")
def old_keywords(injector: FaultInjector) -> None:
    """`submit_pipeline` has the signature that ZenML has given up."""

    def submit(
        self: Any, deployment: Any, stack: Any, environment: Any, placeholder_run: Any = None
    ) -> Any:
        raise AssertionError("ZenML called it")

    injector.orchestrator.submit_pipeline = submit


@mutant("SUB-2", needs=Needs.JOBS)
def refusal_swallowed(injector: FaultInjector) -> None:
    """A job that the backend refuses is taken for submitted."""
    swallow_refusals(injector)


def swallow_refusals(injector: FaultInjector) -> None:
    """Have the orchestrator believe that every job was accepted.

    Args:
        injector: The injector.
    """

    def submit(original: Around, job: Any) -> Any:
        try:
            return original(job)
        except EngineError:
            return NO_JOB

    injector.around_backend("submit", submit)


@mutant("SUB-4", needs=Needs.JOBS)
def half_a_submission_left(injector: FaultInjector) -> None:
    """No job is ever cancelled, and the failure of a run is not reported."""
    injector.around_backend("cancel", lambda original, job_id: None)
    injector.lose_reports()


@mutant("SUB-6", scenarios=("killed",), needs=Needs.JOBS)
def waiting_raises(injector: FaultInjector) -> None:
    """Waiting for a run ends with an exception."""
    _raise_after_waiting(injector)


@mutant("SUB-6", scenarios=("failing",), needs=Needs.CLIENT)
def waiting_raises_in_the_client(injector: FaultInjector) -> None:
    """Waiting for a run ends with an exception."""
    _raise_after_waiting(injector)


def _raise_after_waiting(injector: FaultInjector) -> None:
    from zenml.orchestrators import SubmissionResult

    def submit(original: Around, **keywords: Any) -> Any:
        try:
            result = original(**keywords) or SubmissionResult()
        except RuntimeError:  # It says so at once when a step fails.
            result = SubmissionResult()
        wait = result.wait_for_completion

        def wait_and_raise() -> None:
            if wait:
                wait()
            raise RuntimeError("the run did not succeed")

        result.wait_for_completion = wait_and_raise
        return result

    injector.around("submit_pipeline", submit)


@mutant("CONC-1")
def run_kept_on_the_instance(injector: FaultInjector) -> None:
    """What is submitted is kept on the instance, which two threads share."""
    meeting = threading.Barrier(2)

    def submit(original: Around, *, snapshot: Any, **others: Any) -> Any:
        injector.orchestrator.kept = snapshot
        with contextlib.suppress(threading.BrokenBarrierError):
            meeting.wait(timeout=5)  # Until the other thread has come by.
        return original(snapshot=injector.orchestrator.kept, **others)

    injector.around("submit_pipeline", submit)


@mutant("SUB-10")
def submitted_while_waiting(injector: FaultInjector) -> None:
    """Nothing is submitted before the client waits for the run's end."""

    def submit(original: Around, **keywords: Any) -> Any:
        from zenml.orchestrators import SubmissionResult

        def submit_and_wait() -> None:
            result = original(**keywords)
            if result and result.wait_for_completion:
                result.wait_for_completion()

        return SubmissionResult(wait_for_completion=submit_and_wait)

    injector.around("submit_pipeline", submit)
