"""Stop a run, from any process: end its jobs, then give what they have left a final status.

By the time that ZenML calls, the run is `stopping`. The store takes no new steps of it any more,
so whatever slips through here ends by itself.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from uuid import UUID

from zenml.client import Client

from .jobs import JobState
from .monitoring import cancel_job, ended_jobs, job_states, wait_for_news

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse

    from .orchestrator import JobOrchestrator

PATIENCE_SECONDS = 120.0
"""How long the backend may take to end jobs that it was told to cancel."""

REASON = "The run was stopped."


class Stop:
    """Stops one run. Works from its id alone, and as often as wanted."""

    def __init__(self, orchestrator: JobOrchestrator, run_id: UUID) -> None:
        """Point at a run.

        Args:
            orchestrator: Its backend runs the jobs.
            run_id: ZenML's id of the run.
        """
        self.orchestrator = orchestrator
        self.backend = orchestrator.backend
        self.run_id = run_id

    def run(self) -> PipelineRunResponse:
        """Read the run."""
        return Client().get_pipeline_run(self.run_id)

    def forcefully(self) -> None:
        """End all jobs of the run, whether they wait or run.

        Raises:
            RuntimeError: If jobs are still alive when the patience is at its end.
        """
        told: set[str] = set()
        deadline = time.monotonic() + PATIENCE_SECONDS
        # Looked up anew each time: until it has ended, a control job may submit more.
        while alive := self.alive(self.run()):
            if time.monotonic() > deadline:
                raise RuntimeError(
                    f"These jobs are still alive {PATIENCE_SECONDS:.0f} seconds after the backend "
                    f"was told to cancel them: {', '.join(alive)}. The run stays `stopping`. When "
                    f"they have ended, `zenml pipeline runs refresh {self.run_id}` makes it "
                    "`stopped`."
                )
            for job_id in alive:
                if job_id not in told and self.cancel(job_id):
                    told.add(job_id)
            wait_for_news(self.backend, alive, 1.0)
        self.reconcile()

    def gracefully(self) -> None:
        """Let nothing new start in the run. Steps that run may end as they like."""
        jobs = self.orchestrator.jobs_of(self.run())
        states = job_states(self.backend, jobs.ids)
        queued = [step for step in jobs.steps if states.get(step.job_id) == JobState.QUEUED]
        # The last first: a job must not start because the one before it has been cancelled.
        for step in reversed(queued):
            if self.cancel(step.job_id):
                reconciliation = self.orchestrator.reconciliation(step.run_id)
                reconciliation.reconcile_step(step.step, REASON, stopped=True)
        others = {step.job_id for step in jobs.steps} - {step.job_id for step in queued}
        if ended_jobs(self.backend, others) == others:
            if jobs.control and states.get(jobs.control) == JobState.QUEUED:
                self.forcefully()  # There is nothing left to look after.
            elif jobs.control is None or ended_jobs(self.backend, [jobs.control]):
                self.reconcile()

    def alive(self, run: PipelineRunResponse) -> list[str]:
        """Return the jobs to cancel next, in the order in which to do it."""
        jobs = self.orchestrator.jobs_of(run)
        ended = ended_jobs(self.backend, jobs.ids)
        alive = [job_id for job_id in jobs.ids if job_id not in ended]
        if jobs.control not in alive:
            return alive
        if run.snapshot is not None and run.snapshot.is_dynamic:
            # While it waits for steps, the function of the pipeline ends when they do.
            return [*alive[1:], jobs.control]
        # A step that is told twice would be interrupted while it reports that it was stopped.
        return [jobs.control] if self.orchestrator.topology.cancels_steps else alive

    def cancel(self, job_id: str) -> bool:
        """Have a job ended; say whether the backend was told."""
        return cancel_job(self.backend, job_id)

    def reconcile(self) -> None:
        """Give what was stopped a final status. No job of the run is alive any more."""
        self.orchestrator.reconciliation(self.run_id).reconcile_run(REASON)
