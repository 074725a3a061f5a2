"""Sabotage of resources and settings."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from zenml_conformance.prove.sabotage import Needs, sabotage

if TYPE_CHECKING:
    from zenml_conformance.prove.scene import Around, Scene


@sabotage("RES-1")
def requests_dropped(scene: Scene) -> None:
    """What steps ask for is dropped, without a word."""

    def submit(original: Around, **keywords: Any) -> Any:
        logging.disable(logging.WARNING)
        try:
            return original(**keywords)
        finally:
            logging.disable(logging.NOTSET)

    scene.around("submit_pipeline", submit)
    scene.change_jobs(
        lambda job: job.model_copy(update={"cpu": None, "memory": None, "gpus": None})
    )


@sabotage("RES-2", needs=Needs.JOBS)
def requests_halved(scene: Scene) -> None:
    """Jobs get half of what steps ask for."""
    halve_requests(scene)


def halve_requests(scene: Scene) -> None:
    """Have the backend get half of what each job asks for.

    Args:
        scene: The scene.
    """

    def change(job: Any) -> Any:
        asked = {name: getattr(job, name) for name in ("cpu", "memory", "gpus")}
        return job.model_copy(
            update={name: value and type(value)(value / 2) for name, value in asked.items()}
        )

    scene.change_jobs(change)


@sabotage("RES-3", needs=Needs.JOBS)
def zero_taken_for_unset(scene: Scene) -> None:
    """A step that asks for no GPU gets one."""
    scene.change_jobs(
        lambda job: job.model_copy(update={"gpus": 1}) if job.step == "no_gpu" else job
    )


@sabotage("RES-4", needs=Needs.JOBS)
def requests_leak(scene: Scene) -> None:
    """A step that asks for nothing gets the cpus that another asks for."""
    scene.change_jobs(
        lambda job: job.model_copy(update={"cpu": 3.0}) if job.step == "unset" else job
    )


@sabotage("SET-1", needs=Needs.JOBS)
def settings_of_the_component(scene: Scene) -> None:
    """`get_settings` passes over what pipelines and steps set."""

    def get(original: Around, container: Any) -> Any:
        bare = container.model_copy(deep=True)
        holder = bare.config if hasattr(bare, "config") else bare.pipeline_configuration
        holder.settings.clear()
        return original(bare)

    scene.around("get_settings", get)
