"""Faults of a refresh: what is said of a run that is not so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml.enums import ExecutionStatus

from faulty.fault import breaks
from zenml_conformance.core.jobs import JobState
from zenml_conformance.reference.orchestrator import ReferenceOrchestrator

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse

Answer = tuple["ExecutionStatus | None", "dict[str, ExecutionStatus] | None"]


class KnowsItsJobs(ReferenceOrchestrator):
    """Asks the backend about the jobs of a run."""

    def states(self, run: PipelineRunResponse) -> list[JobState]:
        """The states of all jobs of a run."""
        return [self.backend.status(job_id) for job_id in self.jobs_of(run).ids]

    def step_states(self, run: PipelineRunResponse) -> dict[str, JobState]:
        """The states of the jobs of steps."""
        return {job.step: self.backend.status(job.job_id) for job in self.jobs_of(run).steps}


@breaks("STAT-1")
class StatusFromMemory(ReferenceOrchestrator):
    """Only the instance that submitted a run knows its jobs."""

    def fetch_status(self, run: PipelineRunResponse, include_steps: bool = False) -> Answer:
        submitted: dict[Any, dict[str, str]] = self.__dict__.setdefault("submitted", {})
        assert submitted[run.id]
        return super().fetch_status(run, include_steps)


@breaks("STAT-1")
class StatusOfTheRunAlone(ReferenceOrchestrator):
    """A status is returned where a pair is expected, as before ZenML 0.84."""

    def fetch_status(self, run: PipelineRunResponse, include_steps: bool = False) -> Any:
        return super().fetch_status(run, include_steps)[0]


@breaks("STAT-1")
class UnknownJobRaises(KnowsItsJobs):
    """A finished run's jobs are asked for, and one that the backend has purged raises."""

    def fetch_status(self, run: PipelineRunResponse, include_steps: bool = False) -> Answer:
        if JobState.UNKNOWN in self.states(run):
            raise LookupError("no such job")
        return super().fetch_status(run, include_steps)


@breaks("STAT-2", scenarios=("refreshed",))
class RunningStepsCalledProvisioning(KnowsItsJobs):
    """A step whose job lives is called provisioning."""

    def fetch_status(self, run: PipelineRunResponse, include_steps: bool = False) -> Answer:
        live = [name for name, state in self.step_states(run).items() if not state.is_ended]
        status, _ = super().fetch_status(run, include_steps)
        return status, dict.fromkeys(live, ExecutionStatus.PROVISIONING)


@breaks("STAT-2", scenarios=("refreshed",))
class StepsCalledByTheirJobs(ReferenceOrchestrator):
    """Steps go by the ids of their jobs."""

    def fetch_status(self, run: PipelineRunResponse, include_steps: bool = False) -> Answer:
        jobs = [job.job_id for job in self.jobs_of(run).steps]
        live = [job_id for job_id in jobs if not self.backend.status(job_id).is_ended]
        status, _ = super().fetch_status(run, include_steps)
        return status, dict.fromkeys(live, ExecutionStatus.RUNNING)


@breaks("STAT-3", scenarios=("refreshed",))
class RequeuedMeansFailed(ReferenceOrchestrator):
    """A coordinator that is not running has failed, also one that waits in the queue again."""

    def fetch_status(self, run: PipelineRunResponse, include_steps: bool = False) -> Answer:
        control = self.jobs_of(run).control
        if run.in_progress and control and self.backend.status(control) is not JobState.RUNNING:
            return ExecutionStatus.FAILED, None
        return None, None


@breaks("STAT-3", scenarios=("refreshed",))
class QueuedStepsCalledFailed(KnowsItsJobs):
    """A step's job that is not running has failed, also one that waits in the queue again."""

    def fetch_status(self, run: PipelineRunResponse, include_steps: bool = False) -> Answer:
        states = self.step_states(run)
        queued = [name for name, state in states.items() if state is JobState.QUEUED]
        status, _ = super().fetch_status(run, include_steps)
        return status, dict.fromkeys(queued, ExecutionStatus.FAILED)


@breaks("STAT-4", scenarios=("refreshed", "stopped_gracefully"))
class RunningUntilTheEnd(KnowsItsJobs):
    """A run any of whose jobs lives is running, also when a user is stopping it."""

    def fetch_status(self, run: PipelineRunResponse, include_steps: bool = False) -> Answer:
        if any(not state.is_ended for state in self.states(run)):
            return ExecutionStatus.RUNNING, None
        return super().fetch_status(run, include_steps)


@breaks("STAT-5", scenarios=("refreshed",))
class ForgottenMeansFailed(KnowsItsJobs):
    """A run whose jobs are unknown has failed, also one that completed long ago."""

    def fetch_status(self, run: PipelineRunResponse, include_steps: bool = False) -> Answer:
        if JobState.UNKNOWN in self.states(run):
            return ExecutionStatus.FAILED, None
        return super().fetch_status(run, include_steps)


@breaks("STAT-5", scenarios=("refreshed",))
class EndedMeansCompleted(KnowsItsJobs):
    """A run whose jobs have ended has completed, also one that failed."""

    def fetch_status(self, run: PipelineRunResponse, include_steps: bool = False) -> Answer:
        if all(state.is_ended for state in self.states(run)):
            return ExecutionStatus.COMPLETED, None
        return super().fetch_status(run, include_steps)
