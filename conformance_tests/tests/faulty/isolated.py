"""Faults of isolated steps: jobs that are submitted wrongly, told wrongly, or not ended."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any

from zenml.enums import ExecutionStatus

from faulty.former import NATIVE_DAG, breaks
from zenml_conformance.fake_backend.jobs import Job, JobState
from zenml_conformance.former_reference.dynamic import JOB_METADATA
from zenml_conformance.former_reference.entrypoint import ReferenceStepEntrypoint
from zenml_conformance.former_reference.orchestrator import ReferenceOrchestrator

if TYPE_CHECKING:
    from zenml.config.step_configurations import Step
    from zenml.config.step_run_info import StepRunInfo
    from zenml.models import PipelineSnapshotResponse, StepRunResponse


# -- environment


@breaks("ISO-10")
class OneVariableDroppedWhenIsolated(ReferenceOrchestrator):
    """One variable of the user's is lost, for isolated steps only."""

    def isolated_environment(self, environment: dict[str, str], run_id: str) -> dict[str, str]:
        kept = {k: v for k, v in environment.items() if k != "CONFORMANCE_EQUALS"}
        return super().isolated_environment(kept, run_id)


@breaks("ISO-10")
class OnlyTheUsersVariables(ReferenceOrchestrator):
    """An isolated step is given nothing of ZenML's."""

    def isolated_environment(self, environment: dict[str, str], run_id: str) -> dict[str, str]:
        kept = {k: v for k, v in environment.items() if not k.startswith("ZENML_")}
        return super().isolated_environment(kept, run_id)


@breaks("ISO-10", topologies=(NATIVE_DAG,))
class LinesJoinedWhenIsolated(ReferenceOrchestrator):
    """A template has one line for each variable."""

    def isolated_environment(self, environment: dict[str, str], run_id: str) -> dict[str, str]:
        spoilt = {k: v.replace("\n", " ") for k, v in environment.items()}
        return super().isolated_environment(spoilt, run_id)


@breaks("ISO-10", topologies=(NATIVE_DAG,))
class EmptyOnesDroppedWhenIsolated(ReferenceOrchestrator):
    """A variable without a value is taken for no variable."""

    def isolated_environment(self, environment: dict[str, str], run_id: str) -> dict[str, str]:
        return super().isolated_environment({k: v for k, v in environment.items() if v}, run_id)


# -- submission


@breaks("ISO-1")
class IsolationNotImplemented(ReferenceOrchestrator):
    """Isolated steps are declared, and raise."""

    def submit_isolated_step(self, step_run_info: StepRunInfo, environment: dict[str, str]) -> None:
        """Submit an isolated step."""
        raise NotImplementedError("not yet")


@breaks("ISO-1", topologies=(NATIVE_DAG,))
class EntrypointOfStaticSteps(ReferenceOrchestrator):
    """An isolated step is run like a step of a static pipeline."""

    def isolated_command(self, info: StepRunInfo) -> tuple[str, ...]:
        if info.config.command is not None:
            return super().isolated_command(info)
        arguments = ReferenceStepEntrypoint.get_entrypoint_arguments(
            step_name=info.pipeline_step_name, snapshot_id=info.snapshot.id
        )
        return (sys.executable, "-m", "zenml.entrypoints.entrypoint", *arguments)


@breaks("ISO-1", topologies=(NATIVE_DAG,))
class RecordOlderThanTheJob(ReferenceOrchestrator):
    """The job is looked for in the record that ZenML passes, which is older."""

    def isolated_job_id(self, step_run: StepRunResponse) -> str | None:
        job_id = step_run.run_metadata.get(JOB_METADATA)
        return str(job_id) if job_id else None


@breaks("ISO-11")
class WaitsForTheStep(ReferenceOrchestrator):
    """Submission returns when the step is over."""

    def remember_isolated_job(self, step_run: StepRunResponse, job_id: str) -> None:
        super().remember_isolated_job(step_run, job_id)
        while not self.backend.status(job_id).is_ended:
            self.backend.wait_for_change([job_id], timeout=30)


@breaks("ISO-13")
class BackendTriesAgain(ReferenceOrchestrator):
    """The backend starts failed isolated steps again."""

    def isolated_job(self, *arguments: Any) -> Job:
        return super().isolated_job(*arguments).model_copy(update={"max_restarts": 1})


# -- commands


class ChangesCommands(ReferenceOrchestrator):
    """Changes the command of a command step on the way."""

    def change(self, words: tuple[str, ...]) -> tuple[str, ...]:
        """Change it."""
        raise NotImplementedError

    def isolated_command(self, info: StepRunInfo) -> tuple[str, ...]:
        words = super().isolated_command(info)
        return self.change(words) if info.config.command is not None else words


@breaks("ISO-9")
class CommandInAShell(ChangesCommands):
    """A shell is given the words in one line."""

    def change(self, words: tuple[str, ...]) -> tuple[str, ...]:
        return ("sh", "-c", " ".join(words))


@breaks("ISO-9", topologies=(NATIVE_DAG,))
class CommandSplitAgain(ChangesCommands):
    """The words travel in one line, and are split at the blanks."""

    def change(self, words: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(words[:3]) + tuple(" ".join(words[3:]).split(" "))


@breaks("ISO-9", topologies=(NATIVE_DAG,))
class CommandExpanded(ChangesCommands):
    """A shell expands what looks like a variable."""

    def change(self, words: tuple[str, ...]) -> tuple[str, ...]:
        line = " ".join(f'"{word}"' if "HOME" in word else shlex.quote(word) for word in words)
        return ("sh", "-c", line)


@breaks("ISO-9")
class CommandsNeverSucceed(ReferenceOrchestrator):
    """A step that has reported nothing has failed, be it a command step."""

    def status_after(self, state: JobState, record: StepRunResponse) -> ExecutionStatus:
        if record.status.is_finished:
            return self.status_reported(record.status)
        return self.status_unreported(state)


# -- resources and settings


@breaks("ISO-8")
class IsolatedResourcesIgnored(ReferenceOrchestrator):
    """What an isolated step asks for is not passed on."""

    def isolated_resources(self, step: Step, snapshot: PipelineSnapshotResponse) -> dict[str, Any]:
        return {}


@breaks("ISO-8")
class IsolatedGpusIgnored(ReferenceOrchestrator):
    """One of three requests is not passed on."""

    def isolated_resources(self, step: Step, snapshot: PipelineSnapshotResponse) -> dict[str, Any]:
        return {**super().isolated_resources(step, snapshot), "gpus": None}


@breaks("ISO-8", topologies=(NATIVE_DAG,))
class IsolatedMemoryInOtherUnits(ReferenceOrchestrator):
    """Kilobytes are taken for kibibytes, for isolated steps only."""

    def isolated_resources(self, step: Step, snapshot: PipelineSnapshotResponse) -> dict[str, Any]:
        asked = super().isolated_resources(step, snapshot)
        memory = asked.get("memory")
        return {**asked, "memory": memory and memory // 1024 * 1000}


@breaks("ISO-12")
class IsolatedSettingsOfThePipeline(ReferenceOrchestrator):
    """Each isolated step has the pipeline's settings."""

    def isolated_image(self, step: Step, snapshot: PipelineSnapshotResponse) -> str | None:
        image: str | None = getattr(self.get_settings(snapshot), "image", None)
        return image


@breaks("ISO-12", topologies=(NATIVE_DAG,))
class IsolatedSettingsIgnored(ReferenceOrchestrator):
    """Only steps of static pipelines have settings."""

    def isolated_image(self, step: Step, snapshot: PipelineSnapshotResponse) -> str | None:
        return self.config.image


# -- status


@breaks("ISO-5")
class HandlesInMemory(ReferenceOrchestrator):
    """Only the instance that submitted a job can say how it is."""

    def remember_isolated_job(self, step_run: StepRunResponse, job_id: str) -> None:
        self.__dict__.setdefault("handles", {})[step_run.id] = job_id

    def isolated_job_id(self, step_run: StepRunResponse) -> str | None:
        job_id: str = self.__dict__.get("handles", {})[step_run.id]
        return job_id


@breaks("ISO-5")
class WhatIsNotKnownIsOver(HandlesInMemory):
    """A job that another instance submitted is taken for a failed one."""

    def isolated_job_id(self, step_run: StepRunResponse) -> str | None:
        job_id: str | None = self.__dict__.get("handles", {}).get(step_run.id)
        return job_id


@breaks("ISO-2")
class QueuedIsQueued(ReferenceOrchestrator):
    """A job that waits in the backend's queue is QUEUED."""

    def status_of_live(self, state: JobState) -> ExecutionStatus:
        return ExecutionStatus(state.value)


@breaks("ISO-2", "ISO-7")
class CancelledIsCancelled(ReferenceOrchestrator):
    """A job that was cancelled is CANCELLED."""

    def status_unreported(self, state: JobState) -> ExecutionStatus:
        if state is JobState.CANCELLED:
            return ExecutionStatus.CANCELLED
        return super().status_unreported(state)


class ExitCodeIsTheStatus(ReferenceOrchestrator):
    """What the backend says of the job is what is said of the step."""

    def status_unreported(self, state: JobState) -> ExecutionStatus:
        if state is JobState.SUCCEEDED:
            return ExecutionStatus.COMPLETED
        return super().status_unreported(state)


@breaks("ISO-3")
class NoReportMissed(ExitCodeIsTheStatus):
    """A job that ended well is a step that is completed."""


@breaks("ISO-3", topologies=(NATIVE_DAG,), scenarios=("isolated_lost",))
class NoReportMissedByTheRun(ExitCodeIsTheStatus):
    """The same, and what becomes of the run."""


class ForgottenRunsOn(ReferenceOrchestrator):
    """A job that the backend does not know is taken for a running one."""

    def get_isolated_step_status(self, step_run: StepRunResponse) -> ExecutionStatus:
        """Say where an isolated step is."""
        if self.isolated_state(step_run) is JobState.UNKNOWN:
            return ExecutionStatus.RUNNING
        return super().get_isolated_step_status(step_run)


@breaks("ISO-4")
class TheForgottenRun(ForgottenRunsOn):
    """A forgotten job runs for ever."""


@breaks("ISO-4", scenarios=("isolated_lost",))
class TheForgottenRunAndSoDoesTheRun(ForgottenRunsOn):
    """The same, and what becomes of the run."""


@breaks("ISO-4", topologies=(NATIVE_DAG,))
class TheForgottenRaise(ReferenceOrchestrator):
    """Asking about a job that the backend does not know is an error."""

    def get_isolated_step_status(self, step_run: StepRunResponse) -> ExecutionStatus:
        """Say where an isolated step is."""
        if self.isolated_state(step_run) is JobState.UNKNOWN:
            raise LookupError("no such job")
        return super().get_isolated_step_status(step_run)


@breaks("ISO-4", "ISO-7", topologies=(NATIVE_DAG,))
class TheStoreIsBelieved(ReferenceOrchestrator):
    """A step whose job has failed is what its record says: running."""

    def status_unreported(self, state: JobState) -> ExecutionStatus:
        if state in (JobState.FAILED, JobState.UNKNOWN):
            return ExecutionStatus.RUNNING
        return super().status_unreported(state)


# -- stop and cleanup


@breaks("ISO-6")
class CleanedUpOnce(ReferenceOrchestrator):
    """There is nothing to clean up, and that is an error."""

    def cleanup_isolated_step(self, step_run: StepRunResponse) -> None:
        """Clean up after an isolated step."""
        if self.isolated_state(step_run).is_ended:
            raise LookupError("there is nothing to clean up")
        super().cleanup_isolated_step(step_run)


@breaks("ISO-6", topologies=(NATIVE_DAG,))
class ForgottenJobsNotCleanedUp(ReferenceOrchestrator):
    """What the backend has forgotten can't be cleaned up after."""

    def cleanup_isolated_step(self, step_run: StepRunResponse) -> None:
        """Clean up after an isolated step."""
        if self.isolated_state(step_run) is JobState.UNKNOWN:
            raise LookupError("no such job")


@breaks("ISO-7")
class NothingIsStopped(ReferenceOrchestrator):
    """Stopping an isolated step does nothing."""

    def stop_isolated_step(self, step_run: StepRunResponse) -> None:
        """Stop an isolated step."""


@breaks("ISO-7", scenarios=("isolated_status",))
class OnlyTheQueuedAreStopped(ReferenceOrchestrator):
    """A job that runs is left alone."""

    def stop_isolated_step(self, step_run: StepRunResponse) -> None:
        """Stop an isolated step."""
        if self.isolated_state(step_run) is JobState.QUEUED:
            super().stop_isolated_step(step_run)


@breaks("ISO-7", topologies=(NATIVE_DAG,), scenarios=("isolated_status",))
class StoppedTwiceIsAnError(ReferenceOrchestrator):
    """Stopping a job that has ended is refused."""

    def stop_isolated_step(self, step_run: StepRunResponse) -> None:
        """Stop an isolated step."""
        if self.isolated_state(step_run).is_ended:
            raise RuntimeError("the job has ended")
        super().stop_isolated_step(step_run)
