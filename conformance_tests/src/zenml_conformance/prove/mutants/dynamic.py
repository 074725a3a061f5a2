"""Mutants of dynamic pipelines."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from zenml_conformance.prove.mutant import Needs, mutant
from zenml_conformance.prove.mutants.isolated import around_status_elsewhere
from zenml_conformance.prove.mutants.submission import swallow_refusals

if TYPE_CHECKING:
    from zenml_conformance.prove.injector import Around, FaultInjector

DROPPED = "CONFORMANCE_STORE_TOKEN"
"""A variable that every process needs, in the place of ZenML's token."""


@mutant("DYN-9", needs=Needs.JOBS)
def refused_pipeline_swallowed(injector: FaultInjector) -> None:
    """An orchestration job that the backend refuses is taken for submitted."""
    swallow_refusals(injector)


@mutant("DYN-7", needs=Needs.JOBS)
def token_dropped(injector: FaultInjector) -> None:
    """The token for ZenML's store does not reach the orchestration job."""
    injector.change_jobs(
        lambda job: job.model_copy(
            update={"environment": {k: v for k, v in job.environment.items() if k != DROPPED}}
        )
    )


@mutant("DYN-7", needs=Needs.CLIENT)
def nothing_passed_on(injector: FaultInjector) -> None:
    """Nothing of what ZenML sets for a pipeline's code reaches it."""
    injector.around(
        "submit_dynamic_pipeline",
        lambda original, *, environment, **others: original(environment={}, **others),
    )


@mutant("DYN-1")
def code_never_run(injector: FaultInjector) -> None:
    """`submit_dynamic_pipeline` returns, and submits nothing."""
    injector.around("submit_dynamic_pipeline", lambda original, *arguments, **keywords: None)


@mutant("DYN-2", needs=Needs.JOBS)
def failed_code_run_again(injector: FaultInjector) -> None:
    """The backend is asked to start a job again that fails, whatever its exit code."""
    injector.change_jobs(
        lambda job: job.model_copy(update={"max_restarts": 1, "final_exit_codes": ()})
    )


@mutant("DYN-2", needs=Needs.CLIENT)
def failed_code_begun_anew(injector: FaultInjector) -> None:
    """Code that fails is begun a second time, as another run."""
    from zenml.client import Client

    def submit(original: Around, *, placeholder_run: Any, **others: Any) -> Any:
        try:
            return original(placeholder_run=placeholder_run, **others)
        finally:
            if Client().get_pipeline_run(placeholder_run.id).status.is_failed:
                original(placeholder_run=None, **others)

    injector.around("submit_dynamic_pipeline", submit)


@mutant("DYN-5")
def begun_anew(injector: FaultInjector) -> None:
    """A run that is to go on is begun anew, as one without a record."""

    def submit(original: Around, *, placeholder_run: Any = None, **others: Any) -> Any:
        goes_on = placeholder_run and placeholder_run.orchestrator_run_id
        return original(placeholder_run=None if goes_on else placeholder_run, **others)

    injector.around("submit_dynamic_pipeline", submit)


@mutant("DYN-10", needs=Needs.JOBS)
def names_of_attempts_cut(injector: FaultInjector) -> None:
    """Job names are cut to four characters."""
    injector.change_jobs(lambda job: job.model_copy(update={"name": job.name[:4]}))


@mutant("DYN-3")
def dead_code_left(injector: FaultInjector) -> None:
    """Nobody reports the end of a pipeline whose code was killed."""
    injector.lose_reports()


@mutant("RUNID-3", needs=Needs.JOBS)
def id_of_the_process(injector: FaultInjector) -> None:
    """`get_orchestrator_run_id` gives another id in each process."""
    injector.around("get_orchestrator_run_id", lambda original: f"{original()[:36]}-{os.getpid()}")


@mutant("DYN-6", needs=Needs.JOBS)
def known_to_the_first_process(injector: FaultInjector) -> None:
    """The second process that runs a pipeline's code knows neither the run's id nor its jobs."""
    from zenml.enums import ExecutionStatus

    def get(original: Around) -> str:
        run_id, me = str(original()), os.getpid()
        if injector.backend and not injector.is_job_of_a_step:
            first = injector.backend.notes().get("first_process")
            if first is None:
                injector.backend.note("first_process", me)
            elif first != me:
                raise LookupError("the process that knew the id is gone")
        return run_id

    injector.around("get_orchestrator_run_id", get)
    around_status_elsewhere(injector, lambda step_run, said: ExecutionStatus.FAILED)
