"""A known good orchestrator that retries steps by new jobs, which helps those that were killed.

The core leaves retries to ZenML, in the process of the step. So the rules about retries in the
backend have this one to hold for.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from zenml.client import Client
from zenml.enums import ExecutionStatus

from zenml_conformance.core.coordinator import Coordinator
from zenml_conformance.core.reconciliation import step_records
from zenml_conformance.reference.config import ReferenceOrchestratorConfig

if TYPE_CHECKING:
    from zenml_conformance.core.jobs import Job


class BackendRetries(ReferenceOrchestratorConfig):
    """Leaves no retries to ZenML."""

    @property
    def handles_step_retries(self) -> bool:
        """Attempts are jobs, and not turns of a loop in the process of a step."""
        return True


class RetryingCoordinator(Coordinator):
    """Submits a step again whose job has ended without success, while it has retries left."""

    def __init__(self, *arguments: Any) -> None:
        """Take up the run."""
        super().__init__(*arguments)
        self.attempts: Counter[str] = Counter()

    def submit(self, name: str, job: Job) -> None:
        """Submit a step."""
        self.attempts[name] += 1
        super().submit(name, job)

    def end_job(self, name: str, job_id: str) -> None:
        """Submit a step again, or deal with its end."""
        if not self.is_stopped() and name not in self.cancelled and self.is_due_again(name):
            self.submit(name, self.job(name))
        else:
            super().end_job(name, job_id)

    def is_due_again(self, name: str) -> bool:
        """Say whether to make another attempt. The one that has ended is over then."""
        record = step_records(self.run.id).get(name)
        if self.attempts_left(name) <= 0 or (record is not None and record.status.is_finished):
            return False
        reason = "The job has ended, and the step has not reported how."
        if record is None:
            run = Client().get_pipeline_run(self.run.id)
            record = self.reconciliation.record_failure(run, name, reason)
        else:
            record = self.reconciliation.end_step(record, ExecutionStatus.FAILED, reason)
        return record.status is ExecutionStatus.RETRYING

    def attempts_left(self, name: str) -> int:
        """Return how many more attempts the step may make."""
        retry = self.snapshot.step_configurations[name].config.retry
        return 1 + (retry.max_retries if retry else 0) - self.attempts[name]
