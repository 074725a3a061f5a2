"""A firing of a schedule: the control job that the backend starts at set times begins a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.client import Client
from zenml.execution.pipeline.utils import submit_pipeline
from zenml.logger import get_logger
from zenml.pipelines.run_utils import create_placeholder_run

if TYPE_CHECKING:
    from .orchestrator import JobOrchestrator

logger = get_logger(__name__)


def fire(orchestrator: JobOrchestrator, snapshot_id: str) -> None:
    """Submit a run, as the client would if it were started now, and don't wait for it."""
    del orchestrator
    client = Client()
    snapshot = client.get_snapshot(snapshot_id)
    # All firings share the snapshot. The record makes this one a run of its own, with its own id.
    run = create_placeholder_run(snapshot=snapshot)
    submit_pipeline(snapshot=snapshot, stack=client.active_stack, placeholder_run=run)
    logger.info("Started run %s", run.name)
