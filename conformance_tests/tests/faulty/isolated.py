"""Faults of isolated steps: jobs that are submitted wrongly, told wrongly, or not ended."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from zenml.config.step_run_info import StepRunInfo
from zenml.enums import ExecutionStatus

from faulty.dynamic import restarted
from faulty.fault import NATIVE_DAG, breaks
from zenml_conformance.core.job_factory import JobFactory
from zenml_conformance.core.jobs import Job, JobState
from zenml_conformance.core.monitoring import wait_until_ended
from zenml_conformance.core.registry import isolated_step_job
from zenml_conformance.reference.orchestrator import ReferenceOrchestrator

if TYPE_CHECKING:
    from zenml.config.base_settings import BaseSettings
    from zenml.config.step_configurations import Step
    from zenml.models import PipelineSnapshotResponse, StepRunResponse


# -- environment


@breaks("ISO-10")
class OneVariableDroppedWhenIsolated(JobFactory):
    """One variable of the user's is lost, for isolated steps only."""

    def isolated_step(self, info: StepRunInfo, environment: Mapping[str, str]) -> Job:
        kept = {k: v for k, v in environment.items() if k != "CONFORMANCE_EQUALS"}
        return super().isolated_step(info, kept)


@breaks("ISO-10")
class OnlyTheUsersVariables(JobFactory):
    """An isolated step is given nothing of ZenML's."""

    def isolated_step(self, info: StepRunInfo, environment: Mapping[str, str]) -> Job:
        kept = {k: v for k, v in environment.items() if not k.startswith("ZENML_")}
        return super().isolated_step(info, kept)


@breaks("ISO-10", topologies=(NATIVE_DAG,))
class LinesJoinedWhenIsolated(JobFactory):
    """A template has one line for each variable."""

    def isolated_step(self, info: StepRunInfo, environment: Mapping[str, str]) -> Job:
        spoilt = {k: v.replace("\n", " ") for k, v in environment.items()}
        return super().isolated_step(info, spoilt)


@breaks("ISO-10", topologies=(NATIVE_DAG,))
class EmptyOnesDroppedWhenIsolated(JobFactory):
    """A variable without a value is taken for no variable."""

    def isolated_step(self, info: StepRunInfo, environment: Mapping[str, str]) -> Job:
        return super().isolated_step(info, {k: v for k, v in environment.items() if v})


# -- submission


@breaks("ISO-1")
class IsolationNotImplemented(ReferenceOrchestrator):
    """Isolated steps are declared, and raise."""

    def submit_isolated_step(self, step_run_info: StepRunInfo, environment: dict[str, str]) -> None:
        """Submit an isolated step."""
        raise NotImplementedError("not yet")


@breaks("ISO-1", topologies=(NATIVE_DAG,))
class EntrypointOfStaticSteps(JobFactory):
    """An isolated step is run like a step of a static pipeline."""

    def isolated_command(self, info: StepRunInfo, image: str | None) -> tuple[str, ...]:
        if info.config.command is not None:
            return super().isolated_command(info, image)
        return self.step_command(info.pipeline_step_name, image)


@breaks("ISO-1", topologies=(NATIVE_DAG,))
class RecordOlderThanTheJob(ReferenceOrchestrator):
    """The job is looked for in the record that ZenML passes, which is older."""

    def isolated_job(self, step_run: StepRunResponse) -> str | None:
        return isolated_step_job(step_run)


@breaks("ISO-11")
class WaitsForTheStep(ReferenceOrchestrator):
    """Submission returns when the step is over."""

    def register_isolated_step(self, info: StepRunInfo, job_id: str, log: str | None) -> None:
        super().register_isolated_step(info, job_id, log)
        wait_until_ended(self.backend, [job_id])


@breaks("ISO-13")
class BackendTriesAgain(JobFactory):
    """The backend starts failed isolated steps again."""

    def isolated_step(self, info: StepRunInfo, environment: Mapping[str, str]) -> Job:
        return restarted(super().isolated_step(info, environment))


# -- commands


class ChangesCommands(JobFactory):
    """Changes the command of a command step on the way."""

    def change(self, words: tuple[str, ...]) -> tuple[str, ...]:
        """Change it."""
        raise NotImplementedError

    def isolated_command(self, info: StepRunInfo, image: str | None) -> tuple[str, ...]:
        words = super().isolated_command(info, image)
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

    def status_of_ended(self, state: JobState, record: StepRunResponse) -> ExecutionStatus:
        if record.status.is_finished:
            return super().status_of_ended(state, record)
        return self.status_of_unreported(state)


# -- resources and settings


@breaks("ISO-8")
class IsolatedResourcesIgnored(JobFactory):
    """What an isolated step asks for is not passed on."""

    def isolated_step(self, info: StepRunInfo, environment: Mapping[str, str]) -> Job:
        job = super().isolated_step(info, environment)
        return replace(job, cpu=None, memory=None, gpus=None)


@breaks("ISO-8")
class IsolatedGpusIgnored(JobFactory):
    """One of three requests is not passed on."""

    def isolated_step(self, info: StepRunInfo, environment: Mapping[str, str]) -> Job:
        return replace(super().isolated_step(info, environment), gpus=None)


@breaks("ISO-8", topologies=(NATIVE_DAG,))
class IsolatedMemoryInOtherUnits(JobFactory):
    """Kilobytes are taken for kibibytes, for isolated steps only."""

    def isolated_step(self, info: StepRunInfo, environment: Mapping[str, str]) -> Job:
        job = super().isolated_step(info, environment)
        return replace(job, memory=job.memory and job.memory // 1024 * 1000)


@breaks("ISO-12")
class IsolatedSettingsOfThePipeline(JobFactory):
    """Each isolated step has the pipeline's settings."""

    def settings(
        self, container: Step | StepRunInfo | PipelineSnapshotResponse
    ) -> BaseSettings | None:
        return super().settings(self.snapshot if isinstance(container, StepRunInfo) else container)


@breaks("ISO-12", topologies=(NATIVE_DAG,))
class IsolatedSettingsIgnored(JobFactory):
    """Only steps of static pipelines have settings."""

    def settings(
        self, container: Step | StepRunInfo | PipelineSnapshotResponse
    ) -> BaseSettings | None:
        return None if isinstance(container, StepRunInfo) else super().settings(container)


# -- status


@breaks("ISO-5")
class HandlesInMemory(ReferenceOrchestrator):
    """Only the instance that submitted a job can say how it is."""

    def register_isolated_step(self, info: StepRunInfo, job_id: str, log: str | None) -> None:
        self.__dict__.setdefault("handles", {})[info.step_run_id] = job_id

    def isolated_job(self, step_run: StepRunResponse) -> str | None:
        job_id: str = self.__dict__.get("handles", {})[step_run.id]
        return job_id


@breaks("ISO-5")
class WhatIsNotKnownIsOver(HandlesInMemory):
    """A job that another instance submitted is taken for a failed one."""

    def isolated_job(self, step_run: StepRunResponse) -> str | None:
        job_id: str | None = self.__dict__.get("handles", {}).get(step_run.id)
        return job_id


@breaks("ISO-2")
class QueuedIsQueued(ReferenceOrchestrator):
    """A job that waits in the backend's queue is QUEUED."""

    def status_of_alive(self, state: JobState) -> ExecutionStatus:
        return ExecutionStatus(state.value)


@breaks("ISO-2", "ISO-7")
class CancelledIsCancelled(ReferenceOrchestrator):
    """A job that was cancelled is CANCELLED."""

    def status_of_unreported(self, state: JobState) -> ExecutionStatus:
        if state is JobState.CANCELLED:
            return ExecutionStatus.CANCELLED
        return super().status_of_unreported(state)


class ExitCodeIsTheStatus(ReferenceOrchestrator):
    """What the backend says of the job is what is said of the step."""

    def status_of_unreported(self, state: JobState) -> ExecutionStatus:
        if state is JobState.SUCCEEDED:
            return ExecutionStatus.COMPLETED
        return super().status_of_unreported(state)


@breaks("ISO-3")
class NoReportMissed(ExitCodeIsTheStatus):
    """A job that ended well is a step that is completed."""


@breaks("ISO-3", topologies=(NATIVE_DAG,), scenarios=("isolated_lost",))
class NoReportMissedByTheRun(ExitCodeIsTheStatus):
    """The same, and what becomes of the run."""


class ForgottenRunsOn(ReferenceOrchestrator):
    """A job that the backend does not know is taken for a running one."""

    def isolated_state(self, step_run: StepRunResponse) -> JobState:
        state = super().isolated_state(step_run)
        return JobState.RUNNING if state is JobState.UNKNOWN else state


@breaks("ISO-4")
class TheForgottenRun(ForgottenRunsOn):
    """A forgotten job runs for ever."""


@breaks("ISO-4", scenarios=("isolated_lost",))
class TheForgottenRunAndSoDoesTheRun(ForgottenRunsOn):
    """The same, and what becomes of the run."""


@breaks("ISO-4", topologies=(NATIVE_DAG,))
class TheForgottenRaise(ReferenceOrchestrator):
    """Asking about a job that the backend does not know is an error."""

    def isolated_state(self, step_run: StepRunResponse) -> JobState:
        state = super().isolated_state(step_run)
        if state is JobState.UNKNOWN:
            raise LookupError("no such job")
        return state


@breaks("ISO-4", "ISO-7", topologies=(NATIVE_DAG,))
class TheStoreIsBelieved(ReferenceOrchestrator):
    """A step whose job has failed is what its record says: running."""

    def status_of_unreported(self, state: JobState) -> ExecutionStatus:
        if state in (JobState.FAILED, JobState.UNKNOWN):
            return ExecutionStatus.RUNNING
        return super().status_of_unreported(state)


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
