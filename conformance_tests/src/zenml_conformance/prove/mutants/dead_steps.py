"""Mutants of what happens to the dead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml_conformance.prove.mutant import Needs, mutant
from zenml_conformance.prove.mutants.submission import NO_JOB

if TYPE_CHECKING:
    from zenml_conformance.prove.injector import Around, FaultInjector


@mutant("DEAD-1")
def killed_steps_left(injector: FaultInjector) -> None:
    """Nobody reports the end of a step that was killed."""
    injector.lose_reports()


@mutant("DEAD-2")
def unstarted_steps_left(injector: FaultInjector) -> None:
    """Nobody reports the end of a step that never started."""
    injector.lose_reports()


@mutant("DEAD-3")
def one_process_knows(injector: FaultInjector) -> None:
    """A job is submitted only when its turn comes, and a refresh finds out nothing."""

    def submit(original: Around, job: Any) -> Any:
        assert injector.backend
        while not all(injector.backend.status(job_id).is_ended for job_id in job.depends_on):
            injector.backend.wait_for_change(list(job.depends_on), timeout=30)
        return original(job)

    injector.around_backend("submit", submit)
    injector.around("fetch_status", lambda original, run, include_steps=False: (None, None))


@mutant("DEAD-4")
def end_in_silence(injector: FaultInjector) -> None:
    """What comes after a job that failed is not submitted, and nobody reports it."""

    def submit(original: Around, job: Any) -> Any:
        # What depends on a failed job the backend drops by itself.
        is_due = job.step == "after_publisher" and not job.depends_on
        return NO_JOB if is_due else original(job)

    injector.around_backend("submit", submit)
    injector.lose_reports()


@mutant("DEAD-8", needs=Needs.JOBS)
def lost_jobs_left(injector: FaultInjector) -> None:
    """Nobody reports the end of a step whose job is lost."""
    injector.lose_reports()
