"""Faults about the dead: ends that nobody reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.enums import ExecutionStatus
from zenml.models.v2.misc.exception_info import ExceptionInfo
from zenml.orchestrators.publish_utils import publish_step_run_status_update

from faulty.fault import BOTH, NATIVE_DAG, breaks
from zenml_conformance.engine.protocol import EngineError
from zenml_conformance.fake_backend.jobs import JobState
from zenml_conformance.former_reference.coordinator import Walk
from zenml_conformance.former_reference.orchestrator import ReferenceOrchestrator
from zenml_conformance.former_reference.settlement import Settlement

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse


@breaks("DEAD-1", topologies=BOTH, scenarios=("killed", "never_started"))
class DeadStepsLeftRunning(Settlement):
    """A step that has a record is left as it is."""

    def fail_step(self, run: PipelineRunResponse, name: str) -> None:
        """Publish a failure."""
        if name not in run.steps:
            super().fail_step(run, name)


@breaks("DEAD-1")
class RetryingLeftRetrying(Settlement):
    """A killed attempt is published as failed, and the next is never made."""

    def fail_step(self, run: PipelineRunResponse, name: str) -> None:
        """Publish a failure."""
        step = run.steps.get(name)
        if step is None:
            self.record_failed_step(run, name)
        elif not step.status.is_finished:
            publish_step_run_status_update(step.id, ExecutionStatus.FAILED)


@breaks("DEAD-2", topologies=BOTH, scenarios=("killed", "never_started"))
class OnlyTheRunFails(Settlement):
    """Where a step has no record, only the run is published as failed."""

    def fail_step(self, run: PipelineRunResponse, name: str) -> None:
        """Publish a failure."""
        if name in run.steps:
            super().fail_step(run, name)


@breaks("DEAD-1", "DEAD-2", "DEAD-4", topologies=(NATIVE_DAG,))
class NobodySettles(Settlement):
    """What the steps did not report is never reported."""

    def settle_all(self) -> None:
        """Settle every step."""


@breaks("DEAD-3")
class NoRefresh(ReferenceOrchestrator):
    """A refresh never finds out anything."""

    def fetch_status(
        self, run: PipelineRunResponse, include_steps: bool = False
    ) -> tuple[ExecutionStatus | None, dict[str, ExecutionStatus] | None]:
        return None, None


@breaks("DEAD-3")
class JobsInMemory(ReferenceOrchestrator):
    """Only the instance that submitted a run knows its jobs."""

    def jobs_of(self, run: PipelineRunResponse) -> dict[str, str]:
        return getattr(self, "submitted", {})


@breaks("DEAD-3")
class RefreshWithoutSettling(ReferenceOrchestrator):
    """A refresh reports a failed run, and leaves its steps as they are."""

    def fetch_status(
        self, run: PipelineRunResponse, include_steps: bool = False
    ) -> tuple[ExecutionStatus | None, dict[str, ExecutionStatus] | None]:
        jobs = self.jobs_of(run)
        over = all(self.backend.status(job_id).is_ended for job_id in jobs.values())
        return (ExecutionStatus.FAILED if over else None), None


@breaks("DEAD-3")
class RefreshRaises(ReferenceOrchestrator):
    """A refresh asks a backend that has forgotten the job."""

    def fetch_status(
        self, run: PipelineRunResponse, include_steps: bool = False
    ) -> tuple[ExecutionStatus | None, dict[str, ExecutionStatus] | None]:
        raise LookupError("no such job")


@breaks("DEAD-6", topologies=BOTH)
class DeadWithoutAReason(Settlement):
    """That a step is dead is published, and not why."""

    def reason(self, run: PipelineRunResponse, name: str) -> ExceptionInfo | None:
        """Say why."""
        return None


class _Silent(Settlement):
    """Publishes no run's failure."""

    def finish(self, done: set[str], failed: set[str]) -> None:
        """Publish the run's failure unless every step is done."""

    def settle_all(self) -> None:
        """Settle every step."""


@breaks("DEAD-4")
class ExitCodeStopsTheRest(ReferenceOrchestrator):
    """A job that failed ends its branch, whatever the store says, and nobody is told."""

    def state_after(self, state: JobState, run: PipelineRunResponse, name: str) -> bool:
        return state is JobState.SUCCEEDED and super().state_after(state, run, name)

    def settlement(self, run_id: str, snapshot: object) -> Settlement:
        return _Silent(run_id, snapshot, self)  # type: ignore[arg-type]


@breaks("DEAD-8")
class UnknownMeansStillRunning(Walk):
    """A job that the backend does not know is waited for."""

    def _wait(self) -> None:
        backend = self.orchestrator.backend
        if any(backend.status(job_id) is JobState.UNKNOWN for job_id in self.live.values()):
            backend.wait_for_change(list(self.live.values()), timeout=5)
        else:
            super()._wait()


@breaks("DEAD-8", topologies=(NATIVE_DAG,))
class LostStepsLeftRunning(Settlement):
    """Where a step has a record and its job is gone, nothing is done."""

    def fail_step(self, run: PipelineRunResponse, name: str) -> None:
        """Publish a failure."""
        if name not in run.steps:
            super().fail_step(run, name)


@breaks("DEAD-5", topologies=BOTH)
class FirstErrorEndsTheMonitor(ReferenceOrchestrator):
    """Whoever waits for jobs dies of the first question that is not answered."""

    def state(self, job_id: str) -> JobState:
        return self.backend.status(job_id)


@breaks("DEAD-5")
class AnErrorMeansFailed(ReferenceOrchestrator):
    """A job whose state can't be asked is taken for a failed one."""

    def state(self, job_id: str) -> JobState:
        try:
            return self.backend.status(job_id)
        except EngineError:
            return JobState.FAILED


@breaks("DEAD-5")
class OneMoreQuestion(ReferenceOrchestrator):
    """A question is asked again, once."""

    def state(self, job_id: str) -> JobState:
        try:
            return self.backend.status(job_id)
        except EngineError:
            return self.backend.status(job_id)
