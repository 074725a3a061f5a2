"""Sabotage of schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml_conformance.engine.protocol import EngineError
from zenml_conformance.prove.sabotage import Needs, sabotage

if TYPE_CHECKING:
    from zenml_conformance.prove.scene import Around, Scene

NO_SCHEDULE = "no-such-schedule"
"""An id that the fake backend never gives out."""


@sabotage("SUB-7")
def placeholder_expected(scene: Scene) -> None:
    """`submit_pipeline` takes it for granted that there is a placeholder run."""

    def submit(original: Around, *, placeholder_run: Any = None, **others: Any) -> Any:
        assert placeholder_run.id
        return original(placeholder_run=placeholder_run, **others)

    scene.around("submit_pipeline", submit)


@sabotage("SCHED-1", needs=Needs.JOBS)
def schedule_not_made(scene: Scene) -> None:
    """A schedule is accepted, and the backend never hears of it."""
    scene.around_backend("schedule", lambda original, job, cron: NO_SCHEDULE)


@sabotage("SCHED-2", needs=Needs.JOBS)
def schedule_half_read(scene: Scene) -> None:
    """Of a schedule only the cron expression is read, and every five minutes is the default."""

    def change(snapshot: Any) -> None:
        if snapshot.schedule:
            fields = snapshot.schedule.body
            fields.start_time = fields.end_time = fields.run_once_start_time = None
            fields.interval_second = None
            fields.cron_expression = fields.cron_expression or "*/5 * * * *"

    scene.change_snapshots(change)


@sabotage("SUB-3", needs=Needs.JOBS)
def refused_schedule_swallowed(scene: Scene) -> None:
    """A schedule that the backend refuses is taken for made."""

    def schedule(original: Around, job: Any, cron: str) -> Any:
        try:
            return original(job, cron)
        except EngineError:
            return NO_SCHEDULE

    scene.around_backend("schedule", schedule)


@sabotage("SCHED-3", needs=Needs.JOBS)
def same_run_each_time(scene: Scene) -> None:
    """All firings of a schedule have the same run id."""
    scene.around("get_orchestrator_run_id", lambda original: original() and "the-one-and-only")


@sabotage("SCHED-4", needs=Needs.JOBS)
def update_ignored(scene: Scene) -> None:
    """Updating a schedule returns, and does nothing."""
    scene.around("update_schedule", lambda original, *arguments, **keywords: None)


@sabotage("SCHED-6", needs=Needs.JOBS)
def deletion_ignored(scene: Scene) -> None:
    """Deleting a schedule returns, and does nothing."""
    scene.around("delete_schedule", lambda original, *arguments, **keywords: None)
