"""Faults of a refresh: what is said of a run that is not so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml.enums import ExecutionStatus

from faulty.former import breaks
from zenml_conformance.fake_backend.jobs import JobState
from zenml_conformance.former_reference.orchestrator import ReferenceOrchestrator

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse

Answer = tuple["ExecutionStatus | None", "dict[str, ExecutionStatus] | None"]


@breaks("STAT-1")
class StatusFromMemory(ReferenceOrchestrator):
    """Only the instance that submitted a run knows its jobs."""

    def jobs_of(self, run: PipelineRunResponse) -> dict[str, str]:
        submitted: dict[Any, dict[str, str]] = self.__dict__.setdefault("submitted", {})
        return submitted[run.id]


@breaks("STAT-1")
class StatusOfTheRunAlone(ReferenceOrchestrator):
    """A status is returned where a pair is expected, as before ZenML 0.84."""

    def fetch_status(self, run: PipelineRunResponse, include_steps: bool = False) -> Any:
        return super().fetch_status(run, include_steps)[0]


@breaks("STAT-1")
class UnknownJobRaises(ReferenceOrchestrator):
    """A finished run's jobs are asked for, and one that the backend has purged raises."""

    def fetch_status(self, run: PipelineRunResponse, include_steps: bool = False) -> Answer:
        for job_id in self.jobs_of(run).values():
            if self.backend.status(job_id) is JobState.UNKNOWN:
                raise LookupError(f"no such job: {job_id}")
        return super().fetch_status(run, include_steps)


class _WithSteps(ReferenceOrchestrator):
    """Reports the jobs of steps while they live."""

    def step_jobs(self, run: PipelineRunResponse) -> dict[str, str]:
        """The steps' jobs."""
        return {name: job_id for name, job_id in self.jobs_of(run).items() if name}


@breaks("STAT-2", scenarios=("refreshed",))
class RunningStepsCalledProvisioning(_WithSteps):
    """A step whose job lives is called provisioning."""

    def fetch_status(self, run: PipelineRunResponse, include_steps: bool = False) -> Answer:
        live = [n for n, i in self.step_jobs(run).items() if not self.backend.status(i).is_ended]
        status, _ = super().fetch_status(run, include_steps)
        return status, dict.fromkeys(live, ExecutionStatus.PROVISIONING)


@breaks("STAT-2", scenarios=("refreshed",))
class StepsCalledByTheirJobs(_WithSteps):
    """Steps go by the ids of their jobs."""

    def fetch_status(self, run: PipelineRunResponse, include_steps: bool = False) -> Answer:
        live = [i for i in self.step_jobs(run).values() if not self.backend.status(i).is_ended]
        status, _ = super().fetch_status(run, include_steps)
        return status, dict.fromkeys(live, ExecutionStatus.RUNNING)


@breaks("STAT-3", scenarios=("refreshed",))
class RequeuedMeansFailed(ReferenceOrchestrator):
    """A coordinator that is not running has failed, also one that waits in the queue again."""

    def fetch_status(self, run: PipelineRunResponse, include_steps: bool = False) -> Answer:
        states = [self.backend.status(i) for n, i in self.jobs_of(run).items() if not n]
        if run.in_progress and any(state is not JobState.RUNNING for state in states):
            return ExecutionStatus.FAILED, None
        return None, None


@breaks("STAT-3", scenarios=("refreshed",))
class QueuedStepsCalledFailed(_WithSteps):
    """A step's job that is not running has failed, also one that waits in the queue again."""

    def fetch_status(self, run: PipelineRunResponse, include_steps: bool = False) -> Answer:
        states = {name: self.backend.status(i) for name, i in self.step_jobs(run).items()}
        queued = [name for name, state in states.items() if state is JobState.QUEUED]
        status, _ = super().fetch_status(run, include_steps)
        return status, dict.fromkeys(queued, ExecutionStatus.FAILED)


@breaks("STAT-4", scenarios=("refreshed", "stopped_gracefully"))
class RunningUntilTheEnd(ReferenceOrchestrator):
    """A run any of whose jobs lives is running, also when somebody is stopping it."""

    def fetch_status(self, run: PipelineRunResponse, include_steps: bool = False) -> Answer:
        if any(not self.backend.status(i).is_ended for i in self.jobs_of(run).values()):
            return ExecutionStatus.RUNNING, None
        return super().fetch_status(run, include_steps)


@breaks("STAT-5", scenarios=("refreshed",))
class ForgottenMeansFailed(ReferenceOrchestrator):
    """A run whose jobs are unknown has failed, also one that completed long ago."""

    def fetch_status(self, run: PipelineRunResponse, include_steps: bool = False) -> Answer:
        if any(self.backend.status(i) is JobState.UNKNOWN for i in self.jobs_of(run).values()):
            return ExecutionStatus.FAILED, None
        return super().fetch_status(run, include_steps)


@breaks("STAT-5", scenarios=("refreshed",))
class EndedMeansCompleted(ReferenceOrchestrator):
    """A run whose jobs have ended has completed, also one that failed."""

    def fetch_status(self, run: PipelineRunResponse, include_steps: bool = False) -> Answer:
        if all(self.backend.status(i).is_ended for i in self.jobs_of(run).values()):
            return ExecutionStatus.COMPLETED, None
        return super().fetch_status(run, include_steps)
