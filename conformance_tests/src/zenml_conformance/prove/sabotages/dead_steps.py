"""Sabotage of what happens to the dead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml_conformance.prove.sabotage import Needs, sabotage
from zenml_conformance.prove.sabotages.submission import NO_JOB

if TYPE_CHECKING:
    from zenml_conformance.prove.scene import Around, Scene


@sabotage("DEAD-1")
def killed_steps_left(scene: Scene) -> None:
    """Nobody reports the end of a step that was killed."""
    scene.lose_reports()


@sabotage("DEAD-2")
def unstarted_steps_left(scene: Scene) -> None:
    """Nobody reports the end of a step that never started."""
    scene.lose_reports()


@sabotage("DEAD-3")
def one_process_knows(scene: Scene) -> None:
    """A job is submitted only when its turn comes, and a refresh finds out nothing."""

    def submit(original: Around, job: Any) -> Any:
        assert scene.backend
        while not all(scene.backend.status(job_id).is_ended for job_id in job.depends_on):
            scene.backend.wait_for_change(list(job.depends_on), timeout=30)
        return original(job)

    scene.around_backend("submit", submit)
    scene.around("fetch_status", lambda original, run, include_steps=False: (None, None))


@sabotage("DEAD-4")
def end_in_silence(scene: Scene) -> None:
    """What comes after a job that failed is not submitted, and nobody reports it."""

    def submit(original: Around, job: Any) -> Any:
        # What depends on a failed job the backend drops by itself.
        is_due = job.step == "after_publisher" and not job.depends_on
        return NO_JOB if is_due else original(job)

    scene.around_backend("submit", submit)
    scene.lose_reports()


@sabotage("DEAD-8", needs=Needs.JOBS)
def lost_jobs_left(scene: Scene) -> None:
    """Nobody reports the end of a step whose job is lost."""
    scene.lose_reports()
