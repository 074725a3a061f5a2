"""Give steps that can't report any more, and with them their run, a final status.

No ZenML server does this: the record of a step whose process was killed stays `running` for ever,
and so does its run. Whoever knows that the jobs of a run are gone has to say so.

The store is the truth: a record that is already final stays as it is, whatever became of the job.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from zenml.client import Client
from zenml.enums import ExecutionStatus
from zenml.exceptions import IllegalOperationError
from zenml.logger import get_logger
from zenml.models import ExceptionInfo, StepRunRequest
from zenml.orchestrators.publish_utils import (
    publish_failed_pipeline_run,
    publish_step_run_status_update,
)
from zenml.utils.pagination_utils import depaginate
from zenml.utils.time_utils import utc_now

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse, PipelineSnapshotResponse, StepRunResponse

logger = get_logger(__name__)


def step_records(run_id: UUID) -> dict[str, StepRunResponse]:
    """Fetch the records of a run's steps, of each step the latest attempt.

    Args:
        run_id: ZenML's id of the run.

    Returns:
        The records by step name. Steps that never reported have none.
    """
    records = depaginate(
        Client().list_run_steps,
        pipeline_run_id=run_id,
        exclude_retried=True,
        hydrate=False,
    )
    return {record.name: record for record in records}


def settle_step(
    run: PipelineRunResponse, name: str, reason: str, stopped: bool = False
) -> ExecutionStatus | None:
    """Make the record of a step final, now that its job has ended.

    Args:
        run: The run.
        name: The step.
        reason: Why the step is taken for failed if it has not said how it ended; shown to users.
        stopped: Whether the job was cancelled, and has not failed of itself.

    Returns:
        The final status; None if the step has no record and needs none, because it was stopped
        before it started, or because the run allows no further steps.
    """
    found = Client().list_run_steps(
        pipeline_run_id=run.id, name=name, exclude_retried=True, hydrate=False, size=1
    )
    record = found.items[0] if found.items else None
    if not stopped:
        record = _settle_record(run, name, record, reason)
    elif record is not None and not record.status.is_finished:
        record = publish_step_run_status_update(record.id, ExecutionStatus.STOPPED)
    return None if record is None else record.status


def settle_run(
    snapshot: PipelineSnapshotResponse, run_id: UUID, reason: str
) -> PipelineRunResponse:
    """Make a run final, now that all of its jobs have ended.

    Args:
        snapshot: The snapshot of the run, with all steps.
        run_id: ZenML's id of the run.
        reason: Why steps are taken for failed that have not said how they ended; shown to users.

    Returns:
        The run as it is now.
    """
    client = Client()
    run = client.get_pipeline_run(run_id, hydrate=False)
    records = step_records(run_id)
    succeeded = {name for name, record in records.items() if record.status.is_successful}
    # A step is settled only if it could have run. One that waited for a failed step in vain
    # needs no record: ZenML knows that it never will run.
    for name, step in snapshot.step_configurations.items():
        if name not in succeeded and succeeded.issuperset(step.spec.upstream_steps):
            _settle_record(run, name, records.get(name), reason)

    run = client.get_pipeline_run(run_id)
    if not run.status.is_finished:
        run = publish_failed_pipeline_run(run_id, ExceptionInfo(traceback=reason))
    return run


def _settle_record(
    run: PipelineRunResponse, name: str, record: StepRunResponse | None, reason: str
) -> StepRunResponse | None:
    """Record that a step has failed, unless its record is final.

    While a step has retries left, the store turns `failed` into `retrying`, which is not final
    (`SqlZenStore.update_run_step`). Retries belong to the process of the step, and that is gone:
    they are used up here.
    """
    if record is not None and record.status.is_finished:
        return record
    logger.warning("Step `%s` counts as failed. %s", name, reason)
    error = ExceptionInfo(traceback=reason, message=reason)
    if record is not None and record.status != ExecutionStatus.RETRYING:
        record = publish_step_run_status_update(
            record.id, ExecutionStatus.FAILED, exception_info=error
        )
    while record is None or record.status == ExecutionStatus.RETRYING:
        now = utc_now()
        try:
            record = Client().zen_store.create_run_step(
                StepRunRequest(
                    project=run.project_id,
                    name=name,
                    pipeline_run_id=run.id,
                    status=ExecutionStatus.FAILED,
                    start_time=now,
                    end_time=now,
                    exception_info=error,
                )
            )
        except IllegalOperationError:
            # The run takes no further steps. A step without a record needs none then, but one
            # that has a record must not be left waiting for its next attempt.
            if record is not None:
                record = publish_step_run_status_update(record.id, ExecutionStatus.STOPPED)
            break
    return record
