"""How the reference orchestrator stops a run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from zenml.client import Client
from zenml.enums import ExecutionStatus
from zenml.orchestrators.publish_utils import (
    publish_pipeline_run_status_update,
    publish_step_run_status_update,
)

from zenml_conformance.fake_backend.jobs import JobState

if TYPE_CHECKING:
    from uuid import UUID

    from zenml.models import PipelineRunResponse

    from zenml_conformance.former_reference.orchestrator import ReferenceOrchestrator

STOP_SECONDS = 30.0
"""How long cancelled jobs may take to end before the stop is called a failure."""


class Stop:
    """Stops one run. Works from its id alone, and as often as wanted."""

    def __init__(self, run_id: UUID, orchestrator: ReferenceOrchestrator) -> None:
        """Point at a run.

        Args:
            run_id: ZenML's id of the run.
            orchestrator: Its backend runs the jobs.
        """
        self.run_id = run_id
        self.orchestrator = orchestrator

    def run(self) -> PipelineRunResponse:
        """Read the run."""
        return Client().get_pipeline_run(self.run_id)

    def jobs(self) -> list[str]:
        """The run's jobs, the one that submits others first, then the last of the DAG."""
        jobs = self.orchestrator.jobs_of(self.run())
        controller = [jobs.pop("")] if "" in jobs else []
        return [*controller, *reversed(jobs.values())]

    def forcefully(self) -> None:
        """End every job, then give what could not report its end a final status."""
        ended: set[str] = set()
        # A coordinator may submit a job in its last moment: look again when it is gone.
        while fresh := [job_id for job_id in self.jobs() if job_id not in ended]:
            for job_id in fresh:
                self.cancel(job_id)
            self.wait(fresh)
            ended.update(fresh)
        self.settle()

    def gracefully(self) -> None:
        """Let what runs end, and start nothing new."""
        run = self.run()
        dynamic = run.snapshot is not None and run.snapshot.is_dynamic
        controller = self.orchestrator.jobs_of(run).get("")
        for job_id in self.jobs():
            # In a dynamic run the controller runs steps itself; ZenML refuses it new ones.
            submits_only = job_id == controller and not dynamic
            if submits_only or self.orchestrator.backend.status(job_id) is JobState.QUEUED:
                self.cancel(job_id)

    def cancel(self, job_id: str) -> None:
        """End a job, unless it has ended."""
        if not self.orchestrator.backend.status(job_id).is_ended:
            self.orchestrator.backend.cancel(job_id)

    def wait(self, job_ids: list[str]) -> None:
        """Wait for the end of some jobs.

        Args:
            job_ids: The jobs.

        Raises:
            TimeoutError: If one does not end.
        """
        backend, deadline = self.orchestrator.backend, time.monotonic() + STOP_SECONDS
        while live := [job_id for job_id in job_ids if not backend.status(job_id).is_ended]:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"cancelled jobs did not end: {', '.join(live)}")
            backend.wait_for_change(live, left)

    def settle(self) -> None:
        """Publish the end of what was stopped. No job of the run is live any more."""
        for step in self.run().steps.values():
            if not step.status.is_finished:
                publish_step_run_status_update(step.id, ExecutionStatus.STOPPED)
        run = self.run()
        if not run.status.is_finished:
            publish_pipeline_run_status_update(run.id, ExecutionStatus.STOPPED)
