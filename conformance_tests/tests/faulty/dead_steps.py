"""Faults about the dead: ends that nobody reports."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from zenml.client import Client
from zenml.enums import ExecutionStatus
from zenml.models.v2.misc.exception_info import ExceptionInfo

from faulty.fault import BOTH, NATIVE_DAG, breaks
from zenml_conformance.core.coordinator import Coordinator
from zenml_conformance.core.jobs import JobState
from zenml_conformance.core.monitoring import WAIT_SECONDS
from zenml_conformance.core.reconciliation import Reconciliation
from zenml_conformance.core.registry import RunJobs
from zenml_conformance.protocol import EngineError
from zenml_conformance.reference.orchestrator import ReferenceOrchestrator

if TYPE_CHECKING:
    from uuid import UUID

    from zenml.models import PipelineRunResponse, StepRunResponse

    from zenml_conformance.core.topology import SubmittedJobs

Status = tuple["ExecutionStatus | None", "dict[str, ExecutionStatus] | None"]


class _OnlyWithoutARecord(Reconciliation):
    def fail_step(
        self, run: PipelineRunResponse, name: str, record: StepRunResponse | None, reason: str
    ) -> StepRunResponse | None:
        """Record that a step has failed."""
        return super().fail_step(run, name, record, reason) if record is None else record


@breaks("DEAD-1", topologies=BOTH, scenarios=("killed", "never_started"))
class DeadStepsLeftRunning(_OnlyWithoutARecord):
    """A step that has a record is left as it is."""


@breaks("DEAD-1")
class RetryingLeftRetrying(Reconciliation):
    """A killed attempt is published as failed, and the next is never made."""

    def fail_step(
        self, run: PipelineRunResponse, name: str, record: StepRunResponse | None, reason: str
    ) -> StepRunResponse | None:
        """Record that a step has failed."""
        if record is None:
            return self.record_failure(run, name, reason)
        return self.end_step(record, ExecutionStatus.FAILED, reason)


@breaks("DEAD-2", topologies=BOTH, scenarios=("killed", "never_started"))
class OnlyTheRunFails(Reconciliation):
    """Where a step has no record, only the run is published as failed."""

    def fail_step(
        self, run: PipelineRunResponse, name: str, record: StepRunResponse | None, reason: str
    ) -> StepRunResponse | None:
        """Record that a step has failed."""
        return None if record is None else super().fail_step(run, name, record, reason)


class Silent(Reconciliation):
    """Leaves runs as they are."""

    def reconcile_run(self, reason: str, why: object = None) -> PipelineRunResponse:
        """Make the run final."""
        return Client().get_pipeline_run(self.run_id)


@breaks("DEAD-1", "DEAD-2", "DEAD-4", topologies=(NATIVE_DAG,))
class NobodySettles(Silent):
    """What the steps did not report is never reported."""


@breaks("DEAD-3")
class NoRefresh(ReferenceOrchestrator):
    """A refresh never finds out anything."""

    def fetch_status(self, run: PipelineRunResponse, include_steps: bool = False) -> Status:
        return None, None


@breaks("DEAD-3")
class JobsInMemory(ReferenceOrchestrator):
    """Only the instance that submitted a run knows its jobs."""

    def jobs_of(self, run: PipelineRunResponse) -> RunJobs:
        return RunJobs(control=None, steps=())


@breaks("DEAD-3")
class RefreshWithoutSettling(ReferenceOrchestrator):
    """A refresh reports a failed run, and leaves its steps as they are."""

    def fetch_status(self, run: PipelineRunResponse, include_steps: bool = False) -> Status:
        over = all(self.backend.status(job_id).is_ended for job_id in self.jobs_of(run).ids)
        return (ExecutionStatus.FAILED if over else None), None


@breaks("DEAD-3")
class RefreshRaises(ReferenceOrchestrator):
    """A refresh asks a backend that has forgotten the job."""

    def fetch_status(self, run: PipelineRunResponse, include_steps: bool = False) -> Status:
        raise LookupError("no such job")


@breaks("DEAD-6", topologies=BOTH)
class DeadWithoutAReason(Reconciliation):
    """That a step is dead is published, and not why."""

    def error(self, reason: str) -> ExceptionInfo:
        """Say why."""
        return ExceptionInfo(traceback="")


class _ExitCodes(Coordinator):
    def end_job(self, name: str, job_id: str) -> None:
        """Deal with the end of a job."""
        if self.backend.status(job_id) is JobState.SUCCEEDED:
            super().end_job(name, job_id)


@breaks("DEAD-4", beside=(_ExitCodes,))
class ExitCodeStopsTheRest(Silent):
    """A job that failed ends its branch, whatever the store says, and nobody is told."""


@breaks("DEAD-8")
class UnknownMeansStillRunning(Coordinator):
    """A job that the backend does not know is waited for."""

    def ended(self) -> Collection[str]:
        unknown = JobState.UNKNOWN
        return {id for id in super().ended() if self.backend.status(id) is not unknown}


@breaks("DEAD-8", topologies=(NATIVE_DAG,))
class LostStepsLeftRunning(_OnlyWithoutARecord):
    """Where a step has a record and its job is gone, nothing is done."""


class _DiesOfAnError(Coordinator):
    def ended(self) -> Collection[str]:
        return {id for id in self.active.values() if self.backend.status(id).is_ended}


@breaks("DEAD-5", topologies=BOTH, beside=(_DiesOfAnError,))
class FirstErrorEndsTheMonitor(ReferenceOrchestrator):
    """The process that waits for jobs dies of the first question that is not answered."""

    def wait_for(self, run_id: UUID, jobs: SubmittedJobs) -> None:
        while not self.backend.status(jobs.control).is_ended:
            self.backend.wait([jobs.control], WAIT_SECONDS)
        super().wait_for(run_id, jobs)


@breaks("DEAD-5")
class AnErrorMeansFailed(Coordinator):
    """A job whose state can't be asked is taken for a failed one."""

    def ended(self) -> Collection[str]:
        return {id for id in self.active.values() if self.is_over(id)}

    def is_over(self, job_id: str) -> bool:
        """Say whether a job has ended."""
        try:
            return self.backend.status(job_id).is_ended
        except EngineError:
            return True


@breaks("DEAD-5")
class OneMoreQuestion(Coordinator):
    """A question is asked again, once."""

    def ended(self) -> Collection[str]:
        return {id for id in self.active.values() if self.is_over(id)}

    def is_over(self, job_id: str) -> bool:
        """Say whether a job has ended."""
        try:
            return self.backend.status(job_id).is_ended
        except EngineError:
            return self.backend.status(job_id).is_ended
