"""Mutants of records."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from zenml_conformance.prove.mutant import Needs, mutant

if TYPE_CHECKING:
    from zenml_conformance.fake_backend.jobs import Job
    from zenml_conformance.prove.injector import Around, FaultInjector

LOCAL_STORES = "ZENML_LOCAL_STORES_PATH"


@mutant("META-1")
def metadata_of_any_kind(injector: FaultInjector) -> None:
    """Submission returns an object among its metadata that ZenML can't store."""

    def submit(original: Around, **keywords: Any) -> Any:
        result = original(**keywords)
        if result:
            result.metadata = {**(result.metadata or {}), "handle": object()}
        return result

    injector.around("submit_pipeline", submit)


@mutant("META-3")
def metadata_hook_raises(injector: FaultInjector) -> None:
    """`get_pipeline_run_metadata` asks for what only the submitting client has."""

    def raises(original: Around, run_id: Any) -> Any:
        raise LookupError("this instance has submitted nothing")

    injector.around("get_pipeline_run_metadata", raises)


@mutant("ART-1")
def artifacts_elsewhere(injector: FaultInjector) -> None:
    """Steps keep local artifacts where nobody else looks."""

    def elsewhere() -> dict[str, str]:
        own = os.environ.get("ZENML_CONFIG_PATH") or os.environ["HOME"]
        return {LOCAL_STORES: os.path.join(own, "elsewhere")}

    def change(job: Job) -> Job:
        return job.model_copy(update={"environment": {**job.environment, **elsewhere()}})

    if injector.backend:
        injector.change_jobs(lambda job: change(job) if job.step else job)
    elif not injector.observer:
        os.environ.update(elsewhere())


@mutant("NAME-1", needs=Needs.JOBS)
def names_cut(injector: FaultInjector) -> None:
    """Job names are cut to four characters."""
    injector.change_jobs(lambda job: job.model_copy(update={"name": job.name[:4]}))


@mutant("NAME-2", needs=Needs.JOBS)
def names_without_the_run(injector: FaultInjector) -> None:
    """A job is called after its step, whatever the run."""
    injector.change_jobs(lambda job: job.model_copy(update={"name": job.step or "coordinator"}))
