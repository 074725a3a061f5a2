"""Mutants of `fetch_status`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml_conformance.prove.mutant import mutant

if TYPE_CHECKING:
    from zenml_conformance.prove.injector import Around, FaultInjector


@mutant("STAT-1")
def refresh_from_memory(injector: FaultInjector) -> None:
    """`fetch_status` knows only the runs that its own instance has submitted."""

    def fetch(original: Around, run: Any, include_steps: bool = False) -> Any:
        raise LookupError(f"this instance has not submitted run {run.id}")

    injector.around("fetch_status", fetch)


@mutant("STAT-2")
def steps_by_other_names(injector: FaultInjector) -> None:
    """`fetch_status` calls steps by the names of their jobs."""
    from zenml.enums import ExecutionStatus

    def fetch(original: Around, run: Any, include_steps: bool = False) -> Any:
        status, steps = original(run, include_steps=include_steps)
        return status, {**(steps or {}), "job-1": ExecutionStatus.RUNNING}

    injector.around("fetch_status", fetch)


@mutant("STAT-3")
def alive_taken_for_dead(injector: FaultInjector) -> None:
    """`fetch_status` takes a run whose jobs are queued or running for failed."""
    from zenml.enums import ExecutionStatus

    def fetch(original: Around, run: Any, include_steps: bool = False) -> Any:
        status, steps = original(run, include_steps=include_steps)
        return (status if run.status.is_finished else ExecutionStatus.FAILED), steps

    injector.around("fetch_status", fetch)


@mutant("STAT-4")
def stop_undone(injector: FaultInjector) -> None:
    """`fetch_status` calls a run that is being stopped running."""
    from zenml.enums import ExecutionStatus

    def fetch(original: Around, run: Any, include_steps: bool = False) -> Any:
        status, steps = original(run, include_steps=include_steps)
        is_stopping = run.status is ExecutionStatus.STOPPING
        return (ExecutionStatus.RUNNING if is_stopping else status), steps

    injector.around("fetch_status", fetch)


@mutant("STAT-5")
def end_rewritten(injector: FaultInjector) -> None:
    """`fetch_status` calls every run that has ended stopped."""
    from zenml.enums import ExecutionStatus

    def fetch(original: Around, run: Any, include_steps: bool = False) -> Any:
        status, steps = original(run, include_steps=include_steps)
        return (ExecutionStatus.STOPPED if run.status.is_finished else status), steps

    injector.around("fetch_status", fetch)
