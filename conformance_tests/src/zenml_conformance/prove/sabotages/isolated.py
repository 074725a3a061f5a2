"""Sabotage of isolated steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from zenml_conformance.prove.sabotage import Needs, sabotage
from zenml_conformance.prove.sabotages.resources import halve_requests
from zenml_conformance.prove.scene import ISOLATED

if TYPE_CHECKING:
    from zenml_conformance.fake_backend.jobs import Job
    from zenml_conformance.prove.scene import Around, Scene


@sabotage("ISO-10")
def isolated_variable_dropped(scene: Scene) -> None:
    """One of the user's variables does not reach an isolated step."""

    def submit(original: Around, step_run_info: Any, environment: Any, *others: Any) -> Any:
        kept = {k: v for k, v in environment.items() if k != "CONFORMANCE_QUOTES"}
        return original(step_run_info, kept, *others)

    scene.around_any(ISOLATED, submit)


@sabotage("ISO-1")
def isolated_steps_refused(scene: Scene) -> None:
    """Isolated steps are declared, and submitting one raises."""

    def submit(original: Around, *arguments: Any, **keywords: Any) -> Any:
        raise LookupError("no queue for isolated steps")

    scene.around_any(ISOLATED, submit)


@sabotage("ISO-9", scenarios=("dynamic",), needs=Needs.JOBS)
def words_split(scene: Scene) -> None:
    """A program's words go through a line of text, and are split at blanks again."""

    def change(job: Job) -> Job:
        if any("conformance-verbatim" in word for word in job.command):
            return job.model_copy(update={"command": tuple(" ".join(job.command).split())})
        return job

    scene.change_jobs(change)


@sabotage("ISO-8", needs=Needs.JOBS)
def isolated_requests_halved(scene: Scene) -> None:
    """Jobs of isolated steps get half of what the steps ask for."""
    halve_requests(scene)


@sabotage("ISO-12", needs=Needs.JOBS)
def settings_of_the_pipeline(scene: Scene) -> None:
    """Isolated steps get the pipeline's settings, and not their own."""

    def submit(original: Around, step_run_info: Any, environment: Any, *others: Any) -> Any:
        settings = step_run_info.snapshot.pipeline_configuration.settings
        config = step_run_info.config.model_copy(update={"settings": settings})
        info = step_run_info.model_copy(update={"config": config})
        return original(info, environment, *others)

    scene.around_any(ISOLATED, submit)


@sabotage("ISO-13", needs=Needs.JOBS)
def retried_twice(scene: Scene) -> None:
    """The backend is asked to start a failed job of an isolated step again, as ZenML does."""

    def change(job: Job) -> Job:
        is_step = any(word.startswith("--step_run_id") for word in job.command)
        return job.model_copy(update={"max_restarts": 1}) if is_step else job

    scene.change_jobs(change)


def around_status_elsewhere(scene: Scene, around: Callable[[Any, Any], Any]) -> None:
    """Change what is said of a step by processes that have not submitted it.

    The run itself goes on as ever, so that what is asked about is there.

    Args:
        scene: The scene.
        around: From the step run and its true status to what is said.
    """
    own = set()

    def submit(original: Around, step_run_info: Any, environment: Any, *others: Any) -> Any:
        own.add(step_run_info.step_run_id)
        return original(step_run_info, environment, *others)

    def status(original: Around, step_run: Any) -> Any:
        said = original(step_run)
        return said if step_run.id in own else around(step_run, said)

    scene.around_any(ISOLATED, submit)
    scene.around("get_isolated_step_status", status)


@sabotage("ISO-5")
def jobs_in_memory(scene: Scene) -> None:
    """Only the process that has submitted an isolated step can say how it is."""

    def say(step_run: Any, said: Any) -> Any:
        raise LookupError(f"this process has not submitted step {step_run.name}")

    around_status_elsewhere(scene, say)


@sabotage("ISO-2")
def word_of_the_backend(scene: Scene) -> None:
    """Asked by another process, a step whose job has not started is called queued."""
    from zenml.enums import ExecutionStatus

    def say(step_run: Any, said: Any) -> Any:
        return ExecutionStatus.QUEUED if said is ExecutionStatus.PROVISIONING else said

    around_status_elsewhere(scene, say)


@sabotage("ISO-3", needs=Needs.JOBS)
def silence_taken_for_success(scene: Scene) -> None:
    """Asked by another process, a step whose job ended without a report is called completed."""
    from zenml.enums import ExecutionStatus

    def say(step_run: Any, said: Any) -> Any:
        reports = step_run.config.command is None
        failed = said is ExecutionStatus.FAILED
        return ExecutionStatus.COMPLETED if failed and reports else said

    around_status_elsewhere(scene, say)


@sabotage("ISO-4", needs=Needs.JOBS)
def gone_taken_for_alive(scene: Scene) -> None:
    """Asked by another process, a program whose job is gone is called running."""
    from zenml.enums import ExecutionStatus

    def say(step_run: Any, said: Any) -> Any:
        is_program = step_run.config.command is not None
        failed = said is ExecutionStatus.FAILED
        return ExecutionStatus.RUNNING if failed and is_program else said

    around_status_elsewhere(scene, say)


@sabotage("ISO-7")
def isolated_stop_ignored(scene: Scene) -> None:
    """`stop_isolated_step` returns, and does nothing."""
    scene.around("stop_isolated_step", lambda original, step_run: None)
