"""Mutants of topology."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml_conformance.prove.mutant import Needs, mutant

if TYPE_CHECKING:
    from zenml_conformance.fake_backend.jobs import Job
    from zenml_conformance.prove.injector import FaultInjector


def for_step(job: Job, step: str) -> Job:
    """Let a step's job run another step.

    Args:
        job: A job that runs a step.
        step: The invocation id of the other one.

    Returns:
        The job, with another `--step_name`.
    """
    words = [
        f"--step_name={step}"
        if word == f"--step_name={job.step}"
        else step
        if before == "--step_name"
        else word
        for before, word in zip(("", *job.command), job.command, strict=False)
    ]
    return job.model_copy(update={"command": tuple(words)})


@mutant("DAG-5", needs=Needs.JOBS)
def named_by_function(injector: FaultInjector) -> None:
    """A step's command names its function, and so the first call of that function."""
    injector.change_jobs(lambda job: for_step(job, "meet") if job.step == "meet_2" else job)


@mutant("DAG-5", needs=Needs.CLIENT)
def looked_up_by_function(injector: FaultInjector) -> None:
    """A step is looked up by its function, which gives the first call of that function."""

    def change(snapshot: Any) -> None:
        steps = snapshot.step_configurations
        if "meet_2" in steps:
            steps["meet_2"] = steps["meet"]

    injector.change_snapshots(change)


@mutant("DAG-1")
def order_lost(injector: FaultInjector) -> None:
    """Steps wait for nothing, and one that only comes after another is begun first."""

    def change(snapshot: Any) -> None:
        steps = snapshot.step_configurations
        for step in steps.values():
            step.spec.upstream_steps.clear()
        if "meet_2" in steps:
            first = {"meet_2": steps.pop("meet_2"), **steps}
            steps.clear()
            steps.update(first)

    injector.change_snapshots(change)


@mutant("DAG-2")
def last_step_left_out(injector: FaultInjector) -> None:
    """The last step of a pipeline is never run."""
    injector.change_snapshots(lambda snapshot: snapshot.step_configurations.popitem())


@mutant("DAG-3")
def failure_not_waited_for(injector: FaultInjector) -> None:
    """The step after one that fails does not wait for it."""
    lost = "after_boom"

    def change(snapshot: Any) -> None:
        if lost in snapshot.step_configurations:
            snapshot.step_configurations[lost].spec.upstream_steps.clear()

    injector.change_snapshots(change)


@mutant("DAG-6")
def late_edges_lost(injector: FaultInjector) -> None:
    """The last step of a wide run waits for nothing."""

    def change(snapshot: Any) -> None:
        if "report" in snapshot.step_configurations:
            snapshot.step_configurations["report"].spec.upstream_steps.clear()

    injector.change_snapshots(change)
