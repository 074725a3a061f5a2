"""Sabotage of stopping."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml_conformance.fake_backend.jobs import JobState
from zenml_conformance.prove.sabotage import Needs, sabotage
from zenml_conformance.prove.scene import STOPS

if TYPE_CHECKING:
    from zenml_conformance.prove.scene import Around, Scene


@sabotage("STOP-1")
def stop_does_nothing(scene: Scene) -> None:
    """Stopping a run returns, and does nothing."""
    scene.around_any(STOPS, lambda original, *arguments, **keywords: None)


@sabotage("STOP-2", needs=Needs.JOBS)
def killed_at_once(scene: Scene) -> None:
    """Jobs are cancelled by SIGKILL, without a warning."""

    def cancel(original: Around, job_id: str) -> None:
        assert scene.backend
        scene.backend.kill(job_id)

    scene.around_backend("cancel", cancel)


@sabotage("STOP-4", scenarios=("stopped_early",), needs=Needs.JOBS)
def queued_jobs_stay(scene: Scene) -> None:
    """A job that is queued is not cancelled, but taken for cancelled."""
    left = set()

    def cancel(original: Around, job_id: str) -> None:
        assert scene.backend
        if scene.backend.status(job_id) is JobState.QUEUED:
            left.add(job_id)
        else:
            original(job_id)

    def status(original: Around, job_id: str) -> JobState:
        state: JobState = original(job_id)
        return JobState.CANCELLED if job_id in left else state

    scene.around_backend("status", status)
    scene.around_backend("cancel", cancel)


@sabotage("STOP-6", needs=Needs.JOBS)
def everything_stopped(scene: Scene) -> None:
    """A stop ends all the jobs that the backend has, whose ever they are."""

    def stop(original: Around, *arguments: Any, **keywords: Any) -> Any:
        assert scene.backend
        for record in scene.backend.jobs()[0]:
            scene.backend.cancel(record.id)
        return original(*arguments, **keywords)

    scene.around_any(STOPS, stop)


@sabotage("STOP-8", scenarios=("stopped_dynamic",))
def dynamic_stop_does_nothing(scene: Scene) -> None:
    """Stopping a dynamic run returns, and does nothing."""
    scene.around_any(STOPS, lambda original, *arguments, **keywords: None)
