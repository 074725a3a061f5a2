"""Mutants of what happens after a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml_conformance.prove.mutant import Needs, mutant

if TYPE_CHECKING:
    from zenml_conformance.fake_backend.jobs import Job
    from zenml_conformance.prove.injector import FaultInjector


@mutant("MODE-1", scenarios=("inspection", "fail_fast"), needs=Needs.JOBS)
def modes_not_kept(injector: FaultInjector) -> None:
    """Every execution mode is declared, and a failure changes nothing for other branches."""
    from zenml.enums import ExecutionMode

    def change(snapshot: Any) -> None:
        snapshot.metadata.pipeline_configuration = snapshot.pipeline_configuration.model_copy(
            update={"execution_mode": ExecutionMode.CONTINUE_ON_FAILURE}
        )

    injector.orchestrator.supported_execution_modes = property(lambda self: list(ExecutionMode))
    injector.change_snapshots(change)


@mutant("RETRY-1")
def nobody_retries(injector: FaultInjector) -> None:
    """`handles_step_retries` says the opposite of what is true."""
    config_class: Any = injector.target.flavor.config_class
    handles = config_class.handles_step_retries.fget
    config_class.handles_step_retries = property(lambda self: not handles(self))


@mutant("MODE-4")
def branches_tied_together(injector: FaultInjector) -> None:
    """A step waits for a step of another branch, which fails."""

    def change(snapshot: Any) -> None:
        if "after_well" in snapshot.step_configurations:
            snapshot.step_configurations["after_well"].spec.upstream_steps.append("boom")

    injector.change_snapshots(change)


@mutant("RETRY-3", needs=Needs.JOBS)
def killed_is_the_last_attempt(injector: FaultInjector) -> None:
    """Where a step was killed, its next attempt is a job that does nothing."""
    tried = set()

    def change(job: Job) -> Job:
        if job.step == "retriable_victim" and job.step in tried:
            return job.model_copy(update={"command": ("true",)})
        tried.add(job.step)
        return job

    injector.change_jobs(change)
