"""The id that ties the jobs of a run together.

ZenML finds the run that a step belongs to by snapshot and run id
(`zenml.zen_stores.sql_zen_store.SqlZenStore.get_or_create_run`). So all steps of a run must report
one id, and every submission needs an id of its own.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from uuid import UUID

from zenml.client import Client
from zenml.models import PipelineRunUpdate
from zenml.pipelines.run_utils import create_placeholder_run

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse, PipelineSnapshotResponse

RUN_ID_VARIABLE = "ZENML_JOB_RUN_ID"


def announce_run_id(
    run_id: str, snapshot: PipelineSnapshotResponse, placeholder_run: PipelineRunResponse | None
) -> PipelineRunResponse:
    """Make the id of a run known before any job exists.

    A run whose id is in the store from the start can be refreshed and stopped before its first
    step reports, and that step finds it instead of creating a second run.

    Args:
        run_id: The id.
        snapshot: The pipeline.
        placeholder_run: The record that ZenML has already created for the run, if any.

    Returns:
        The run, with its id.
    """
    if placeholder_run is None:
        return create_placeholder_run(snapshot=snapshot, orchestrator_run_id=run_id)
    return Client().zen_store.update_run(
        run_id=placeholder_run.id, run_update=PipelineRunUpdate(orchestrator_run_id=run_id)
    )


def read_run_id() -> str:
    """Read the id of the run that this process works for.

    Returns:
        The id that the submission has put into the environment of every job.

    Raises:
        RuntimeError: If this process is not a job of a run. An id made up here would split the
            run in two, neither of which would ever finish.
    """
    run_id = os.environ.get(RUN_ID_VARIABLE)
    if not run_id:
        raise RuntimeError(
            f"The environment variable {RUN_ID_VARIABLE} is not set, so this process is not a job "
            "of a pipeline run and there is no run id to tell. If it should be a job, the backend "
            "has dropped the variable: a job needs the whole environment that it was submitted "
            "with."
        )
    return run_id


def find_run(snapshot_id: UUID, run_id: str) -> PipelineRunResponse:
    """Find ZenML's record of a run, with its metadata.

    Raises:
        RuntimeError: If there is none.
    """
    # By snapshot too: child pipelines carry the id of the run that has started them.
    found = Client().list_pipeline_runs(
        snapshot_id=snapshot_id, orchestrator_run_id=run_id, hydrate=True, size=1
    )
    if not found.items:
        raise RuntimeError(
            f"ZenML has no run {run_id} of snapshot {snapshot_id}. It has probably been deleted "
            "since it was submitted."
        )
    return found.items[0]
