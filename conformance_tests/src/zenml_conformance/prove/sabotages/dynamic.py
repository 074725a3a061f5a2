"""Sabotage of dynamic pipelines."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from zenml_conformance.prove.sabotage import Needs, sabotage
from zenml_conformance.prove.sabotages.isolated import around_status_elsewhere
from zenml_conformance.prove.sabotages.submission import swallow_refusals

if TYPE_CHECKING:
    from zenml_conformance.prove.scene import Around, Scene

DROPPED = "CONFORMANCE_STORE_TOKEN"
"""A variable that every process needs, in the place of ZenML's token."""


@sabotage("DYN-9", needs=Needs.JOBS)
def refused_pipeline_swallowed(scene: Scene) -> None:
    """An orchestration job that the backend refuses is taken for submitted."""
    swallow_refusals(scene)


@sabotage("DYN-7", needs=Needs.JOBS)
def token_dropped(scene: Scene) -> None:
    """The token for ZenML's store does not reach the orchestration job."""
    scene.change_jobs(
        lambda job: job.model_copy(
            update={"environment": {k: v for k, v in job.environment.items() if k != DROPPED}}
        )
    )


@sabotage("DYN-7", needs=Needs.CLIENT)
def nothing_passed_on(scene: Scene) -> None:
    """Nothing of what ZenML sets for a pipeline's code reaches it."""
    scene.around(
        "submit_dynamic_pipeline",
        lambda original, *, environment, **others: original(environment={}, **others),
    )


@sabotage("DYN-1")
def code_never_run(scene: Scene) -> None:
    """`submit_dynamic_pipeline` returns, and submits nothing."""
    scene.around("submit_dynamic_pipeline", lambda original, *arguments, **keywords: None)


@sabotage("DYN-2", needs=Needs.JOBS)
def failed_code_run_again(scene: Scene) -> None:
    """The backend is asked to start a job again that fails, whatever its exit code."""
    scene.change_jobs(
        lambda job: job.model_copy(update={"max_restarts": 1, "final_exit_codes": ()})
    )


@sabotage("DYN-2", needs=Needs.CLIENT)
def failed_code_begun_anew(scene: Scene) -> None:
    """Code that fails is begun a second time, as another run."""
    from zenml.client import Client

    def submit(original: Around, *, placeholder_run: Any, **others: Any) -> Any:
        try:
            return original(placeholder_run=placeholder_run, **others)
        finally:
            if Client().get_pipeline_run(placeholder_run.id).status.is_failed:
                original(placeholder_run=None, **others)

    scene.around("submit_dynamic_pipeline", submit)


@sabotage("DYN-5")
def begun_anew(scene: Scene) -> None:
    """A run that is to go on is begun anew, as one without a record."""

    def submit(original: Around, *, placeholder_run: Any = None, **others: Any) -> Any:
        goes_on = placeholder_run and placeholder_run.orchestrator_run_id
        return original(placeholder_run=None if goes_on else placeholder_run, **others)

    scene.around("submit_dynamic_pipeline", submit)


@sabotage("DYN-10", needs=Needs.JOBS)
def names_of_attempts_cut(scene: Scene) -> None:
    """Job names are cut to four characters."""
    scene.change_jobs(lambda job: job.model_copy(update={"name": job.name[:4]}))


@sabotage("DYN-3")
def dead_code_left(scene: Scene) -> None:
    """Nobody reports the end of a pipeline whose code was killed."""
    scene.lose_reports()


@sabotage("RUNID-3", needs=Needs.JOBS)
def id_of_the_process(scene: Scene) -> None:
    """`get_orchestrator_run_id` gives another id in each process."""
    scene.around("get_orchestrator_run_id", lambda original: f"{original()[:36]}-{os.getpid()}")


@sabotage("DYN-6", needs=Needs.JOBS)
def known_to_the_first_process(scene: Scene) -> None:
    """The second process that runs a pipeline's code knows neither the run's id nor its jobs."""
    from zenml.enums import ExecutionStatus

    def get(original: Around) -> str:
        run_id, me = str(original()), os.getpid()
        if scene.backend and not scene.is_job_of_a_step:
            first = scene.backend.notes().get("first_process")
            if first is None:
                scene.backend.note("first_process", me)
            elif first != me:
                raise LookupError("the process that knew the id is gone")
        return run_id

    scene.around("get_orchestrator_run_id", get)
    around_status_elsewhere(scene, lambda step_run, said: ExecutionStatus.FAILED)
