"""Final records for the steps that could not write their own, and for their run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.client import Client
from zenml.enums import ExecutionMode, ExecutionStatus
from zenml.models.v2.misc.exception_info import ExceptionInfo
from zenml.orchestrators.publish_utils import (
    publish_failed_pipeline_run,
    publish_pipeline_run_status_update,
    publish_step_run_status_update,
)
from zenml.orchestrators.step_run_utils import StepRunRequestFactory
from zenml.utils.time_utils import utc_now

if TYPE_CHECKING:
    from uuid import UUID

    from zenml.models import PipelineRunResponse, PipelineSnapshotResponse

GONE = ExceptionInfo(traceback="", message="The task is gone, and has not said how it ended.")


def snapshot_of(run: PipelineRunResponse) -> PipelineSnapshotResponse:
    """Read what a run runs, with the steps that ZenML has found in its cache."""
    assert run.snapshot
    return Client().get_snapshot(run.snapshot.id)


def stops(snapshot: PipelineSnapshotResponse) -> bool:
    """Say whether nothing new may start once a step has failed."""
    mode = snapshot.pipeline_configuration.execution_mode
    return mode is not ExecutionMode.CONTINUE_ON_FAILURE


def is_stopped(run: PipelineRunResponse) -> bool:
    """Say whether a user stops a run, or has stopped it."""
    return run.status in (ExecutionStatus.STOPPING, ExecutionStatus.STOPPED)


def end_step(run: PipelineRunResponse, name: str) -> bool:
    """Make the record of a step final; say whether it has succeeded."""
    record, retrying = run.steps.get(name), ExecutionStatus.RETRYING
    if is_stopped(run):
        if record and not record.status.is_finished:
            record = publish_step_run_status_update(record.id, ExecutionStatus.STOPPED)
        return bool(record and record.status.is_successful)
    if record and not record.status.is_finished and record.status is not retrying:
        record = publish_step_run_status_update(
            record.id, ExecutionStatus.FAILED, exception_info=GONE
        )
    while record is None or record.status is retrying:
        # No process is left to make the attempt that the store waits for.
        factory = StepRunRequestFactory(snapshot_of(run), run, Client().active_stack)
        request = factory.create_request(name)
        factory.populate_request(request)
        request.status, request.end_time = ExecutionStatus.FAILED, utc_now()
        request.exception_info = GONE
        record = Client().zen_store.create_run_step(request)
    return record.status.is_successful


def end_run(run_id: UUID) -> None:
    """End a run none of whose tasks is left: the steps that were due, then the run."""
    run = Client().get_pipeline_run(run_id)
    if not run.in_progress:
        return
    snapshot, done, failed = snapshot_of(run), set[str](), set[str]()
    for name, step in snapshot.step_configurations.items():
        is_due = done.issuperset(step.spec.upstream_steps) and not (failed and stops(snapshot))
        if is_due or name in run.steps:
            (done if end_step(run, name) else failed).add(name)
    if is_stopped(run):
        publish_pipeline_run_status_update(run_id, ExecutionStatus.STOPPED)
    elif Client().get_pipeline_run(run_id).in_progress or done != {*snapshot.step_configurations}:
        publish_failed_pipeline_run(run_id)
