"""Mutants of stopping."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml_conformance.fake_backend.jobs import JobState
from zenml_conformance.prove.injector import STOPS
from zenml_conformance.prove.mutant import Needs, mutant

if TYPE_CHECKING:
    from zenml_conformance.prove.injector import Around, FaultInjector


@mutant("STOP-1")
def stop_does_nothing(injector: FaultInjector) -> None:
    """Stopping a run returns, and does nothing."""
    injector.around_any(STOPS, lambda original, *arguments, **keywords: None)


@mutant("STOP-2", needs=Needs.JOBS)
def killed_at_once(injector: FaultInjector) -> None:
    """Jobs are cancelled by SIGKILL, without a warning."""

    def cancel(original: Around, job_id: str) -> None:
        assert injector.backend
        injector.backend.kill(job_id)

    injector.around_backend("cancel", cancel)


@mutant("STOP-4", scenarios=("stopped_early",), needs=Needs.JOBS)
def queued_jobs_stay(injector: FaultInjector) -> None:
    """A job that is queued is not cancelled, but taken for cancelled."""
    left = set()

    def cancel(original: Around, job_id: str) -> None:
        assert injector.backend
        if injector.backend.status(job_id) is JobState.QUEUED:
            left.add(job_id)
        else:
            original(job_id)

    def status(original: Around, job_id: str) -> JobState:
        state: JobState = original(job_id)
        return JobState.CANCELLED if job_id in left else state

    injector.around_backend("status", status)
    injector.around_backend("cancel", cancel)


@mutant("STOP-6", needs=Needs.JOBS)
def everything_stopped(injector: FaultInjector) -> None:
    """A stop ends all the jobs that the backend has, whose ever they are."""

    def stop(original: Around, *arguments: Any, **keywords: Any) -> Any:
        assert injector.backend
        for record in injector.backend.jobs()[0]:
            injector.backend.cancel(record.id)
        return original(*arguments, **keywords)

    injector.around_any(STOPS, stop)


@mutant("STOP-8", scenarios=("stopped_dynamic",))
def dynamic_stop_does_nothing(injector: FaultInjector) -> None:
    """Stopping a dynamic run returns, and does nothing."""
    injector.around_any(STOPS, lambda original, *arguments, **keywords: None)
