"""Mutants of isolated steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from zenml_conformance.prove.injector import ISOLATED
from zenml_conformance.prove.mutant import Needs, mutant
from zenml_conformance.prove.mutants.resources import halve_requests

if TYPE_CHECKING:
    from zenml_conformance.fake_backend.jobs import Job
    from zenml_conformance.prove.injector import Around, FaultInjector


@mutant("ISO-10")
def isolated_variable_dropped(injector: FaultInjector) -> None:
    """One of the user's variables does not reach an isolated step."""

    def submit(original: Around, step_run_info: Any, environment: Any, *others: Any) -> Any:
        kept = {k: v for k, v in environment.items() if k != "CONFORMANCE_QUOTES"}
        return original(step_run_info, kept, *others)

    injector.around_any(ISOLATED, submit)


@mutant("ISO-1")
def isolated_steps_refused(injector: FaultInjector) -> None:
    """Isolated steps are declared, and submitting one raises."""

    def submit(original: Around, *arguments: Any, **keywords: Any) -> Any:
        raise LookupError("no queue for isolated steps")

    injector.around_any(ISOLATED, submit)


@mutant("ISO-9", scenarios=("dynamic",), needs=Needs.JOBS)
def words_split(injector: FaultInjector) -> None:
    """A program's words go through a line of text, and are split at blanks again."""

    def change(job: Job) -> Job:
        if any("conformance-verbatim" in word for word in job.command):
            return job.model_copy(update={"command": tuple(" ".join(job.command).split())})
        return job

    injector.change_jobs(change)


@mutant("ISO-8", needs=Needs.JOBS)
def isolated_requests_halved(injector: FaultInjector) -> None:
    """Jobs of isolated steps get half of what the steps ask for."""
    halve_requests(injector)


@mutant("ISO-12", needs=Needs.JOBS)
def settings_of_the_pipeline(injector: FaultInjector) -> None:
    """Isolated steps get the pipeline's settings, and not their own."""

    def submit(original: Around, step_run_info: Any, environment: Any, *others: Any) -> Any:
        settings = step_run_info.snapshot.pipeline_configuration.settings
        config = step_run_info.config.model_copy(update={"settings": settings})
        info = step_run_info.model_copy(update={"config": config})
        return original(info, environment, *others)

    injector.around_any(ISOLATED, submit)


@mutant("ISO-13", needs=Needs.JOBS)
def retried_twice(injector: FaultInjector) -> None:
    """The backend is asked to start a failed job of an isolated step again, as ZenML does."""

    def change(job: Job) -> Job:
        is_step = any(word.startswith("--step_run_id") for word in job.command)
        return job.model_copy(update={"max_restarts": 1}) if is_step else job

    injector.change_jobs(change)


def around_status_elsewhere(injector: FaultInjector, around: Callable[[Any, Any], Any]) -> None:
    """Change what is said of a step by processes that have not submitted it.

    The run itself goes on as ever, so that what is asked about is there.

    Args:
        injector: The injector.
        around: From the step run and its true status to what is said.
    """
    own = set()

    def submit(original: Around, step_run_info: Any, environment: Any, *others: Any) -> Any:
        own.add(step_run_info.step_run_id)
        return original(step_run_info, environment, *others)

    def status(original: Around, step_run: Any) -> Any:
        said = original(step_run)
        return said if step_run.id in own else around(step_run, said)

    injector.around_any(ISOLATED, submit)
    injector.around("get_isolated_step_status", status)


@mutant("ISO-5")
def jobs_in_memory(injector: FaultInjector) -> None:
    """Only the process that has submitted an isolated step can say how it is."""

    def say(step_run: Any, said: Any) -> Any:
        raise LookupError(f"this process has not submitted step {step_run.name}")

    around_status_elsewhere(injector, say)


@mutant("ISO-2")
def word_of_the_backend(injector: FaultInjector) -> None:
    """Asked by another process, a step whose job has not started is called queued."""
    from zenml.enums import ExecutionStatus

    def say(step_run: Any, said: Any) -> Any:
        return ExecutionStatus.QUEUED if said is ExecutionStatus.PROVISIONING else said

    around_status_elsewhere(injector, say)


@mutant("ISO-3", needs=Needs.JOBS)
def silence_taken_for_success(injector: FaultInjector) -> None:
    """Asked by another process, a step whose job ended without a report is called completed."""
    from zenml.enums import ExecutionStatus

    def say(step_run: Any, said: Any) -> Any:
        reports = step_run.config.command is None
        failed = said is ExecutionStatus.FAILED
        return ExecutionStatus.COMPLETED if failed and reports else said

    around_status_elsewhere(injector, say)


@mutant("ISO-4", needs=Needs.JOBS)
def gone_taken_for_alive(injector: FaultInjector) -> None:
    """Asked by another process, a program whose job is gone is called running."""
    from zenml.enums import ExecutionStatus

    def say(step_run: Any, said: Any) -> Any:
        is_program = step_run.config.command is not None
        failed = said is ExecutionStatus.FAILED
        return ExecutionStatus.RUNNING if failed and is_program else said

    around_status_elsewhere(injector, say)


@mutant("ISO-7")
def isolated_stop_ignored(injector: FaultInjector) -> None:
    """`stop_isolated_step` returns, and does nothing."""
    injector.around("stop_isolated_step", lambda original, step_run: None)
