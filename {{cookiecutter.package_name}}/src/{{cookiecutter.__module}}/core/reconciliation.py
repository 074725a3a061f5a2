"""Reconcile ZenML's records with reality: what has died without a report gets a final status.

No ZenML server does this: the record of a step whose process was killed stays `running` for ever,
and so does its run. So the process that knows that the jobs of a run are gone has to say so.

The store is the truth: a record that is already final stays as it is, whatever became of the job.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

from zenml.client import Client
from zenml.enums import ExecutionStatus
from zenml.exceptions import IllegalOperationError
from zenml.logger import get_logger
from zenml.models import ExceptionInfo, StepRunRequest
from zenml.orchestrators.publish_utils import (
    publish_failed_pipeline_run,
    publish_pipeline_run_status_update,
    publish_step_run_status_update,
)
from zenml.utils.pagination_utils import depaginate
from zenml.utils.time_utils import utc_now

from .registry import child_runs

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse, PipelineSnapshotResponse, StepRunResponse

logger = get_logger(__name__)


def is_stopped(run: PipelineRunResponse) -> bool:
    """Say whether a user has stopped a run, so that nothing in it counts as failed any more.

    Args:
        run: The run, as just read. One that is `stopping` counts as well.
    """
    return run.status in (ExecutionStatus.STOPPING, ExecutionStatus.STOPPED)


def step_records(run_id: UUID) -> dict[str, StepRunResponse]:
    """Fetch the records of a run's steps by name, of each step the latest attempt.

    Steps that never reported have none.
    """
    records = depaginate(
        Client().list_run_steps, pipeline_run_id=run_id, exclude_retried=True, hydrate=False
    )
    return {record.name: record for record in records}


class Reconciliation:
    """Makes the records of one run final, now that jobs have ended. To do so twice is harmless."""

    def __init__(self, run_id: UUID) -> None:
        """Point at a run.

        Args:
            run_id: ZenML's id of it.
        """
        self.run_id = run_id

    def reconcile_step(
        self, name: str, reason: str, stopped: bool = False
    ) -> ExecutionStatus | None:
        """Make the record of a step final, now that its job has ended.

        Args:
            name: The step.
            reason: Why the step counts as failed if it has not said how it ended; shown to users.
            stopped: Whether the job was cancelled, and has not failed of itself. So it is in a
                run that was stopped, too.

        Returns:
            The final status; None if the step has no record and needs none, because it was
            stopped before it started, or because the run allows no further steps.
        """
        client = Client()
        found = client.list_run_steps(
            pipeline_run_id=self.run_id, name=name, exclude_retried=True, hydrate=False, size=1
        )
        record = found.items[0] if found.items else None
        run = client.get_pipeline_run(self.run_id, hydrate=False)
        if not (stopped or is_stopped(run)):
            record = self.fail_step(run, name, record, reason)
        elif record is not None:
            record = self.end_step(record, ExecutionStatus.STOPPED)
        return None if record is None else record.status

    def reconcile_run(
        self, reason: str, why: Callable[[str], str] | None = None
    ) -> PipelineRunResponse:
        """Make the run final, now that all of its jobs have ended.

        Args:
            reason: Why steps, and with them the run, count as failed that have not said how they
                ended; shown to users.
            why: Says it of one step of a static pipeline, where more is known.

        Returns:
            The run as it is now.

        Raises:
            RuntimeError: If the snapshot of the run has been deleted.
        """
        client = Client()
        run = client.get_pipeline_run(self.run_id)
        if run.snapshot is None:
            raise RuntimeError(
                f"The snapshot of run {run.id} has been deleted, so its steps are not known and "
                "it can't be finished. Delete the run as well."
            )
        if run.status == ExecutionStatus.PAUSED:
            return run  # It waits for a person.
        stopped, dynamic = is_stopped(run), run.snapshot.is_dynamic
        if stopped or dynamic:
            self.end_recorded_steps(run, None if stopped else reason)
        else:
            # Read again: the client's copy may lack the steps that ZenML has found in its cache.
            self.fail_steps_that_could_run(
                client.get_snapshot(run.snapshot.id), run, why or (lambda step: reason)
            )

        run = client.get_pipeline_run(self.run_id)
        if run.status.is_finished:
            return run
        return self.stop_run(run) if stopped else self.fail_run(run, reason)

    def fail_run(self, run: PipelineRunResponse, reason: str) -> PipelineRunResponse:
        """Publish that the run has failed."""
        return publish_failed_pipeline_run(run.id, self.error(reason))

    def stop_run(self, run: PipelineRunResponse) -> PipelineRunResponse:
        """Publish that the run was stopped.

        ZenML takes an orchestrator's word for a dynamic pipeline. The status of a static one it
        computes, from its steps, whenever it is told that the run is stopping.
        """
        dynamic = run.snapshot is not None and run.snapshot.is_dynamic
        status = ExecutionStatus.STOPPED if dynamic else ExecutionStatus.STOPPING
        return publish_pipeline_run_status_update(run.id, status)

    def end_recorded_steps(self, run: PipelineRunResponse, failure: str | None) -> None:
        """End what has a record. A failure takes child runs with it, and so does a stop."""
        for child in child_runs(run.id):
            self.end_recorded_steps(child, failure)
            if not child.status.is_finished:
                ended = ExecutionStatus.STOPPED if failure is None else ExecutionStatus.FAILED
                publish_pipeline_run_status_update(child.id, ended, status_reason=failure)
        for name, record in step_records(run.id).items():
            if failure is None:
                self.end_step(record, ExecutionStatus.STOPPED)
            elif not record.status.is_finished:
                logger.warning("Step `%s` counts as failed. %s", name, failure)
                ended_record = self.end_step(record, ExecutionStatus.FAILED, failure)
                # With attempts left it is not final. They belong to a retry of the whole run.
                self.end_step(ended_record, ExecutionStatus.STOPPED)

    def fail_steps_that_could_run(
        self,
        snapshot: PipelineSnapshotResponse,
        run: PipelineRunResponse,
        why: Callable[[str], str],
    ) -> None:
        """Fail what has not ended. A step that waited for another in vain needs no record."""
        records = step_records(run.id)
        succeeded = {name for name, record in records.items() if record.status.is_successful}
        ended = {name for name, record in records.items() if record.status.is_finished}
        for name, step in snapshot.step_configurations.items():
            if name not in ended and succeeded.issuperset(step.spec.upstream_steps):
                self.fail_step(run, name, records.get(name), why(name))

    def fail_step(
        self, run: PipelineRunResponse, name: str, record: StepRunResponse | None, reason: str
    ) -> StepRunResponse | None:
        """Record that a step has failed, unless its record is final.

        While a step has retries left, the store turns `failed` into `retrying`, which is not final
        (`SqlZenStore.update_run_step`). Retries belong to the process of the step, and that is
        gone: they are used up here.
        """
        if record is not None and record.status.is_finished:
            return record
        logger.warning("Step `%s` counts as failed. %s", name, reason)
        if record is not None:
            record = self.end_step(record, ExecutionStatus.FAILED, reason)
        while record is None or record.status == ExecutionStatus.RETRYING:
            try:
                record = self.record_failure(run, name, reason)
            except IllegalOperationError:
                # The run takes no further steps. A step without a record needs none then, but one
                # that has a record must not be left waiting for its next attempt.
                if record is not None:
                    record = self.end_step(record, ExecutionStatus.STOPPED)
                break
        return record

    def record_failure(self, run: PipelineRunResponse, name: str, reason: str) -> StepRunResponse:
        """Create the record of an attempt that was never made."""
        now = utc_now()
        return Client().zen_store.create_run_step(
            StepRunRequest(
                project=run.project_id,
                name=name,
                pipeline_run_id=run.id,
                status=ExecutionStatus.FAILED,
                start_time=now,
                end_time=now,
                exception_info=self.error(reason),
            )
        )

    def end_step(
        self, record: StepRunResponse, status: ExecutionStatus, reason: str | None = None
    ) -> StepRunResponse:
        """Publish how a step has ended, unless that is known."""
        retrying = record.status == ExecutionStatus.RETRYING and status == ExecutionStatus.FAILED
        if record.status.is_finished or retrying:
            return record
        error = None if reason is None else self.error(reason)
        try:
            return publish_step_run_status_update(record.id, status, exception_info=error)
        except IllegalOperationError:  # It has become final since it was read.
            return Client().get_run_step(record.id, hydrate=False)

    def error(self, reason: str) -> ExceptionInfo:
        """Say why, in ZenML's terms."""
        return ExceptionInfo(traceback=reason, message=reason)
