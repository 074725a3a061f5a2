"""Faults after a failure: modes not kept, retries with no owner or with two."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.enums import ExecutionMode, ExecutionStatus

from faulty.former import BOTH, NATIVE_DAG, breaks, sound
from zenml_conformance.fake_backend.jobs import JobState
from zenml_conformance.former_reference.coordinator import Walk
from zenml_conformance.former_reference.flavor import (
    ReferenceOrchestratorConfig,
    ReferenceOrchestratorFlavor,
)
from zenml_conformance.former_reference.orchestrator import ReferenceOrchestrator

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
class NothingCancelled(Walk):
    """After a failure nothing new starts, in FAIL_FAST too; what runs goes on."""

    def _end(self, name: str, state: JobState) -> None:
        if not self.settlement.step_is_done(name, state):
            self.failed.add(name)
        else:
            self.done.add(name)


@breaks("MODE-1", scenarios=("fail_fast", "stop_on_failure"))
class StopsTooMuch(Walk):
    """STOP_ON_FAILURE ends what runs, too."""

    def _end(self, name: str, state: JobState) -> None:
        super()._end(name, state)
        if self.failed and self.mode is ExecutionMode.STOP_ON_FAILURE:
            for job_id in self.live.values():
                self.orchestrator.backend.cancel(job_id)


@breaks("MODE-1", topologies=(NATIVE_DAG,), scenarios=("fail_fast",))
class ModesNotChecked(ReferenceOrchestrator):
    """A mode that is not declared is accepted all the same."""

    def _validate_execution_mode(self, snapshot: PipelineSnapshotResponse) -> None:
        pass


@breaks("MODE-4")
class EverythingStops(Walk):
    """After a failure nothing new starts, whatever the mode."""

    def _may_start(self, name: str) -> bool:
        return not self.failed and super()._may_start(name)


@breaks("RETRY-1", topologies=BOTH)
class RetriesWithoutAnOwner(ReferenceOrchestratorConfig):
    """ZenML leaves the retries to a backend that makes none."""

    @property
    def handles_step_retries(self) -> bool:
        """The backend does."""
        return True


@breaks("RETRY-2")
class Requeues(Walk):
    """A job that failed is submitted once more."""

    def _end(self, name: str, state: JobState) -> None:
        again = f"again:{name}"
        if state is JobState.FAILED and again not in self.failed:
            self.failed.add(again)
            step = self.snapshot.step_configurations[name]
            from zenml.client import Client

            environment = self.orchestrator.environment_of(step, Client().active_stack)
            job = self.orchestrator.step_job(self.snapshot, name, self.run_id, environment)
            self.live[name] = self.orchestrator.backend.submit(job)
            return
        super()._end(name, state)


class _BackendRetries(ReferenceOrchestratorConfig):
    backend_retries: bool = True


@sound(scenarios=("failing", "killed", "inspection"))
class RetriesInTheBackend(_BackendRetries):
    """Each attempt is a job."""


class _OnlyRecordedFailures(Walk):
    def is_due_again(self, name: str) -> bool:
        """Say whether a step is to be tried again: if it has said itself that it failed."""
        run = self.settlement.run()
        record = run.steps.get(name) if run else None
        return bool(record and record.status is ExecutionStatus.RETRYING)


class _RetriesFailures(ReferenceOrchestrator):
    def coordinate(self, snapshot: PipelineSnapshotResponse, run_id: str) -> None:
        _OnlyRecordedFailures(self, snapshot, run_id).run()


@breaks("RETRY-3", scenarios=("failing", "killed", "inspection"))
class RetriesOnlyWhatFails(ReferenceOrchestratorFlavor):
    """Attempts are jobs, and one that was killed is the last."""

    @property
    def config_class(self) -> type[ReferenceOrchestratorConfig]:
        """The configuration."""
        return _BackendRetries

    @property
    def implementation_class(self) -> type[ReferenceOrchestrator]:
        """The orchestrator."""
        return _RetriesFailures


class _OneAttemptTooFew(Walk):
    def is_due_again(self, name: str) -> bool:
        """Say whether a step is to be tried again: the last attempt is never made."""
        retry = self.snapshot.step_configurations[name].config.retry
        is_left = retry is not None and self.attempts[name] < retry.max_retries
        return is_left and super().is_due_again(name)


class _RetriesTooLittle(ReferenceOrchestrator):
    def coordinate(self, snapshot: PipelineSnapshotResponse, run_id: str) -> None:
        _OneAttemptTooFew(self, snapshot, run_id).run()


@breaks("RETRY-1", scenarios=("failing", "inspection"))
class RetriesCountAttempts(ReferenceOrchestratorFlavor):
    """Attempts are jobs, and the first is counted among the retries."""

    @property
    def config_class(self) -> type[ReferenceOrchestratorConfig]:
        """The configuration."""
        return _BackendRetries

    @property
    def implementation_class(self) -> type[ReferenceOrchestrator]:
        """The orchestrator."""
        return _RetriesTooLittle
