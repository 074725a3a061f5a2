"""Sabotage of isolated steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml_conformance.prove.sabotage import Needs, sabotage
from zenml_conformance.prove.sabotages.resources import halve_requests
from zenml_conformance.prove.scene import ISOLATED

if TYPE_CHECKING:
    from zenml_conformance.prove.scene import Around, Scene
    from zenml_conformance.reference.jobs import Job


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


@sabotage("ISO-5")
def jobs_in_memory(scene: Scene) -> None:
    """Only the process that has submitted an isolated step can say how it is."""
    own = set()

    def submit(original: Around, step_run_info: Any, environment: Any, *others: Any) -> Any:
        own.add(step_run_info.step_run_id)
        return original(step_run_info, environment, *others)

    def status(original: Around, step_run: Any) -> Any:
        if step_run.id not in own:
            raise LookupError(f"this process has not submitted step {step_run.name}")
        return original(step_run)

    scene.around_any(ISOLATED, submit)
    scene.around("get_isolated_step_status", status)


@sabotage("ISO-2")
def word_of_the_backend(scene: Scene) -> None:
    """A step whose job has not started is called queued."""
    from zenml.enums import ExecutionStatus

    def status(original: Around, step_run: Any) -> Any:
        said = original(step_run)
        return ExecutionStatus.QUEUED if said is ExecutionStatus.PROVISIONING else said

    scene.around("get_isolated_step_status", status)


@sabotage("ISO-3", needs=Needs.JOBS)
def silence_taken_for_success(scene: Scene) -> None:
    """A step whose job ends without a report is called completed."""
    from zenml.enums import ExecutionStatus

    def status(original: Around, step_run: Any) -> Any:
        said, is_program = original(step_run), step_run.config.command is not None
        failed = said is ExecutionStatus.FAILED
        return ExecutionStatus.COMPLETED if failed and not is_program else said

    scene.around("get_isolated_step_status", status)


@sabotage("ISO-4", needs=Needs.JOBS)
def gone_taken_for_alive(scene: Scene) -> None:
    """A step whose job is gone is said to be running."""
    from zenml.enums import ExecutionStatus

    def status(original: Around, step_run: Any) -> Any:
        said, is_program = original(step_run), step_run.config.command is not None
        failed = said is ExecutionStatus.FAILED
        return ExecutionStatus.RUNNING if failed and is_program else said

    scene.around("get_isolated_step_status", status)


@sabotage("ISO-7")
def isolated_stop_ignored(scene: Scene) -> None:
    """`stop_isolated_step` returns, and does nothing."""
    scene.around("stop_isolated_step", lambda original, step_run: None)
