"""Faults after a failure: modes not kept, retries with no owner or with two."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.enums import ExecutionMode, ExecutionStatus

from faulty.fault import BOTH, NATIVE_DAG, breaks, sound
from retrying import BackendRetries, RetryingCoordinator
from zenml_conformance.core.coordinator import Coordinator
from zenml_conformance.core.jobs import JobState
from zenml_conformance.core.reconciliation import step_records
from zenml_conformance.reference.config import ReferenceOrchestratorConfig
from zenml_conformance.reference.orchestrator import ReferenceOrchestrator

if TYPE_CHECKING:
    from zenml.models import PipelineSnapshotResponse

MODES = [ExecutionMode.CONTINUE_ON_FAILURE, ExecutionMode.STOP_ON_FAILURE, ExecutionMode.FAIL_FAST]


@breaks("MODE-1", topologies=(NATIVE_DAG,), scenarios=("inspection", "fail_fast"))
class ModesNotImplemented(ReferenceOrchestrator):
    """Every mode is declared, and nothing is ever cancelled."""

    @property
    def supported_execution_modes(self) -> list[ExecutionMode]:
        """All of them."""
        return MODES


@breaks("MODE-1", scenarios=("fail_fast",))
class NothingCancelled(Coordinator):
    """After a failure nothing new starts, in FAIL_FAST too; what runs goes on."""

    def after_failure(self, status: ExecutionStatus) -> None:
        if self.mode is not ExecutionMode.CONTINUE_ON_FAILURE:
            self.pending.clear()


@breaks("MODE-1", scenarios=("fail_fast", "stop_on_failure"))
class StopsTooMuch(Coordinator):
    """STOP_ON_FAILURE ends what runs, too."""

    def after_failure(self, status: ExecutionStatus) -> None:
        super().after_failure(status)
        if self.mode is ExecutionMode.STOP_ON_FAILURE:
            self.cancel(list(self.active))


@breaks("MODE-1", topologies=(NATIVE_DAG,), scenarios=("fail_fast",))
class ModesNotChecked(ReferenceOrchestrator):
    """A mode that is not declared is accepted all the same."""

    def _validate_execution_mode(self, snapshot: PipelineSnapshotResponse) -> None:
        pass


@breaks("MODE-4")
class EverythingStops(Coordinator):
    """After a failure nothing new starts, whatever the mode."""

    def after_failure(self, status: ExecutionStatus) -> None:
        super().after_failure(status)
        self.pending.clear()


@breaks("RETRY-1", topologies=BOTH)
class RetriesWithoutAnOwner(ReferenceOrchestratorConfig):
    """ZenML leaves the retries to a backend that makes none."""

    @property
    def handles_step_retries(self) -> bool:
        """The backend does."""
        return True


@breaks("RETRY-2")
class Requeues(Coordinator):
    """A job that failed is submitted once more."""

    again: frozenset[str] = frozenset()

    def end_job(self, name: str, job_id: str) -> None:
        if self.backend.status(job_id) is JobState.FAILED and name not in self.again:
            self.again |= {name}
            self.submit(name, self.job(name))
        else:
            super().end_job(name, job_id)


@sound(scenarios=("failing", "killed", "inspection"), beside=(BackendRetries,))
class RetriesInTheBackend(RetryingCoordinator):
    """Each attempt is a job."""


@breaks("RETRY-3", scenarios=("failing", "killed", "inspection"), beside=(BackendRetries,))
class RetriesOnlyWhatFails(RetryingCoordinator):
    """Attempts are jobs, and one that was killed is the last."""

    def is_due_again(self, name: str) -> bool:
        record = step_records(self.run.id).get(name)
        return record is not None and record.status is ExecutionStatus.RETRYING


@breaks("RETRY-1", scenarios=("failing", "inspection"), beside=(BackendRetries,))
class RetriesCountAttempts(RetryingCoordinator):
    """Attempts are jobs, and the first is counted among the retries."""

    def attempts_left(self, name: str) -> int:
        return super().attempts_left(name) - 1
