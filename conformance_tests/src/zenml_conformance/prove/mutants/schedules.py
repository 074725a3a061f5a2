"""Mutants of schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml_conformance.protocol import EngineError
from zenml_conformance.prove.mutant import Needs, mutant

if TYPE_CHECKING:
    from zenml_conformance.prove.injector import Around, FaultInjector

NO_SCHEDULE = "no-such-schedule"
"""An id that the fake backend never gives out."""


@mutant("SUB-7")
def placeholder_expected(injector: FaultInjector) -> None:
    """`submit_pipeline` takes it for granted that there is a placeholder run."""

    def submit(original: Around, *, placeholder_run: Any = None, **others: Any) -> Any:
        assert placeholder_run.id
        return original(placeholder_run=placeholder_run, **others)

    injector.around("submit_pipeline", submit)


@mutant("SCHED-1", needs=Needs.JOBS)
def schedule_not_made(injector: FaultInjector) -> None:
    """A schedule is accepted, and the backend never hears of it."""
    injector.around_backend("schedule", lambda original, job, cron: NO_SCHEDULE)


@mutant("SCHED-2", needs=Needs.JOBS)
def schedule_half_read(injector: FaultInjector) -> None:
    """Of a schedule only the cron expression is read, and every five minutes is the default."""

    def change(snapshot: Any) -> None:
        if snapshot.schedule:
            fields = snapshot.schedule.body
            fields.start_time = fields.end_time = fields.run_once_start_time = None
            fields.interval_second = None
            fields.cron_expression = fields.cron_expression or "*/5 * * * *"

    injector.change_snapshots(change)


@mutant("SUB-3", needs=Needs.JOBS)
def refused_schedule_swallowed(injector: FaultInjector) -> None:
    """A schedule that the backend refuses is taken for made."""

    def schedule(original: Around, job: Any, cron: str) -> Any:
        try:
            return original(job, cron)
        except EngineError:
            return NO_SCHEDULE

    injector.around_backend("schedule", schedule)


@mutant("SCHED-3", needs=Needs.JOBS)
def same_run_each_time(injector: FaultInjector) -> None:
    """All firings of a schedule have the same run id."""
    injector.around("get_orchestrator_run_id", lambda original: original() and "the-one-and-only")


@mutant("SCHED-4", needs=Needs.JOBS)
def update_ignored(injector: FaultInjector) -> None:
    """Updating a schedule returns, and does nothing."""
    injector.around("update_schedule", lambda original, *arguments, **keywords: None)


@mutant("SCHED-6", needs=Needs.JOBS)
def deletion_ignored(injector: FaultInjector) -> None:
    """Deleting a schedule returns, and does nothing."""
    injector.around("delete_schedule", lambda original, *arguments, **keywords: None)
