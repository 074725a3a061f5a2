"""Mutants of resources and settings."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from zenml_conformance.prove.mutant import Needs, mutant

if TYPE_CHECKING:
    from zenml_conformance.prove.injector import Around, FaultInjector


@mutant("RES-1")
def requests_dropped(injector: FaultInjector) -> None:
    """What steps ask for is dropped silently."""

    def submit(original: Around, **keywords: Any) -> Any:
        logging.disable(logging.WARNING)
        try:
            return original(**keywords)
        finally:
            logging.disable(logging.NOTSET)

    injector.around("submit_pipeline", submit)
    injector.change_jobs(
        lambda job: job.model_copy(update={"cpu": None, "memory": None, "gpus": None})
    )


@mutant("RES-2", needs=Needs.JOBS)
def requests_halved(injector: FaultInjector) -> None:
    """Jobs get half of what steps ask for."""
    halve_requests(injector)


def halve_requests(injector: FaultInjector) -> None:
    """Have the backend get half of what each job asks for.

    Args:
        injector: The injector.
    """

    def change(job: Any) -> Any:
        asked = {name: getattr(job, name) for name in ("cpu", "memory", "gpus")}
        return job.model_copy(
            update={name: value and type(value)(value / 2) for name, value in asked.items()}
        )

    injector.change_jobs(change)


@mutant("RES-3", needs=Needs.JOBS)
def zero_taken_for_unset(injector: FaultInjector) -> None:
    """A step that asks for no GPU gets one."""
    injector.change_jobs(
        lambda job: job.model_copy(update={"gpus": 1}) if job.step == "no_gpu" else job
    )


@mutant("RES-4", needs=Needs.JOBS)
def requests_leak(injector: FaultInjector) -> None:
    """A step that asks for nothing gets the cpus that another asks for."""
    injector.change_jobs(
        lambda job: job.model_copy(update={"cpu": 3.0}) if job.step == "unset" else job
    )


@mutant("SET-1", needs=Needs.JOBS)
def settings_of_the_component(injector: FaultInjector) -> None:
    """`get_settings` passes over what pipelines and steps set."""

    def get(original: Around, container: Any) -> Any:
        bare = container.model_copy(deep=True)
        holder = bare.config if hasattr(bare, "config") else bare.pipeline_configuration
        holder.settings.clear()
        return original(bare)

    injector.around("get_settings", get)
