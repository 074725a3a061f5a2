"""The topology of a native DAG: the backend keeps the order of the steps.

All steps are submitted up front, each with what it depends on; then no process of ours watches
them. A last job, the finalizer, starts when all others have ended, in whatever way, and gives a
final status to what has died without one.

A backend may have to wait with a job until others have ended, so the first steps of a run may be
over before the last is submitted. `DagSubmission` sees to what happens meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from zenml.client import Client
from zenml.enums import ExecutionMode
from zenml.logger import get_logger

from .entrypoints import DependentStepEntrypoint
from .jobs import FINALIZER, Job, JobState
from .monitoring import cancel_job, submit_job, unreported
from .outages import through_outages
from .reconciliation import is_stopped, step_records
from .registry import register_run_jobs
from .run_id import read_run_id
from .topology import SubmittedJobs, Topology

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse, PipelineSnapshotResponse

    from .job_factory import JobFactory
    from .orchestrator import JobOrchestrator

logger = get_logger(__name__)

PROMPT_SECONDS = 10.0
"""How long a backend takes at most for a job, unless it has to wait with it."""

FINALIZED = (
    "All jobs of the run have ended, and the step has not reported how it ended. Its job was "
    "probably killed or could not start; its log may tell."
)


class NativeDagTopology(Topology):
    """The backend keeps the order."""

    role = FINALIZER
    execution_modes = (
        ExecutionMode.CONTINUE_ON_FAILURE,
        # ZenML's store refuses steps of a failed run, so the jobs that are left end at once.
        ExecutionMode.STOP_ON_FAILURE,
        # Not FAIL_FAST: no process is there to cancel the steps that run when another fails.
    )
    cancels_steps = False
    step_entrypoint = DependentStepEntrypoint

    def submit(
        self,
        factory: JobFactory,
        run: PipelineRunResponse,
        base_environment: Mapping[str, str],
        step_environments: Mapping[str, Mapping[str, str]],
    ) -> SubmittedJobs:
        """Submit all steps and the finalizer.

        Raises:
            Exception: If the backend does not take one of the jobs, or the run is stopped before
                it has taken all. Those that it has taken are cancelled: half a run must not go on.
        """
        steps = {name: factory.step(name, step_environments[name]) for name in step_environments}
        finalizer = factory.control(self.role, base_environment)
        self.check(steps, finalizer)
        submission = self.submission(factory.snapshot, run)
        try:
            # ZenML lists steps in an order in which each comes after those that it needs.
            for name in submission.names():
                submission.submit_step(name, steps[name])
            return SubmittedJobs(submission.submit_finalizer(finalizer), submission.jobs)
        except BaseException:
            submission.roll_back()
            raise

    def submission(
        self, snapshot: PipelineSnapshotResponse, run: PipelineRunResponse
    ) -> DagSubmission:
        """Return what submits the jobs of a run."""
        return DagSubmission(self.orchestrator, snapshot, run)


class TooLateError(Exception):
    """The step can't run any more: the backend would cancel its job, did it still know why."""


class DagSubmission:
    """The jobs of a run, one after the other.

    While the backend waits with one of them, the jobs before it may end, and the backend may forget
    them: whether they have succeeded is then for ZenML's store to say. They are registered, too, so
    that other processes can stop the run.

    Attributes:
        jobs: The jobs of the steps by name, as far as they have been submitted.
    """

    def __init__(
        self,
        orchestrator: JobOrchestrator,
        snapshot: PipelineSnapshotResponse,
        run: PipelineRunResponse,
    ) -> None:
        """Begin with no jobs.

        Args:
            orchestrator: The orchestrator.
            snapshot: The pipeline, without the steps that ZenML has found in its cache.
            run: The run.
        """
        self.orchestrator = orchestrator
        self.backend = orchestrator.backend
        self.snapshot = snapshot
        self.run = run
        self.jobs: dict[str, str] = {}
        self._waits = False
        self._registered = 0

    def names(self) -> Sequence[str]:
        """Return the steps to submit, in order."""
        return list(self.snapshot.step_configurations)

    def parents(self, name: str) -> Sequence[str]:
        """Return the steps that a step comes after."""
        return self.snapshot.step_configurations[name].spec.upstream_steps

    def submit_step(self, name: str, job: Job) -> None:
        """Submit a step, unless it has become clear that it can't run any more."""
        parents = self.parents(name)

        def revise(job: Job) -> Job:
            return replace(job, depends_on=self.unfinished(self.look_after_run(), parents))

        begun = time.monotonic()
        try:
            if missing := [before for before in parents if before not in self.jobs]:
                raise TooLateError(f"Nor is step `{missing[0]}`, which it needs.")
            job = replace(job, depends_on=tuple(self.jobs[before] for before in parents))
            job = revise(job) if self._waits else job
            self.jobs[name] = submit_job(self.backend, job, revise)
        except TooLateError as error:
            logger.warning("Step `%s` is not submitted: it can't run any more. %s", name, error)
        self._waits = time.monotonic() > begun + PROMPT_SECONDS

    def submit_finalizer(self, job: Job) -> str:
        """Submit the finalizer; return its id."""

        def revise(job: Job) -> Job:
            self.look_after_run()
            return job

        job = replace(job, depends_on=tuple(self.jobs.values()), start_when="ended")
        return submit_job(self.backend, job, revise)

    def roll_back(self) -> None:
        """Cancel what was submitted.

        The last first: a job must not start because the one before it has been cancelled.
        """
        for job_id in reversed(self.jobs.values()):
            cancel_job(self.backend, job_id)

    def look_after_run(self) -> PipelineRunResponse:
        """Register what was submitted so far, and see what has become of the run meanwhile."""
        run = through_outages(partial(Client().get_pipeline_run, self.run.id))
        if self._registered < len(self.jobs):
            self._registered = len(self.jobs)
            register_run_jobs(run.id, self.orchestrator.id, steps=self.jobs)
        if is_stopped(run):
            raise RuntimeError(
                f"Run `{run.name}` was stopped before all of its jobs had been submitted."
            )
        return run

    def unfinished(self, run: PipelineRunResponse, parents: Sequence[str]) -> tuple[str, ...]:
        """Return the jobs that a step still has to wait for.

        Raises:
            TooLateError: If it waits in vain.
        """
        if not run.in_progress:
            raise TooLateError(f"The run is {run.status.value}.")
        records = through_outages(partial(step_records, run.id))
        unfinished = []
        for name in parents:
            record = records.get(name)
            if record is not None and record.status.is_successful:
                continue
            state = through_outages(partial(self.backend.status, self.jobs[name]))
            if not state.is_ended:
                unfinished.append(self.jobs[name])
            elif state != JobState.SUCCEEDED:
                raise TooLateError(f"Step `{name}`, which it needs, has not succeeded.")
        return tuple(unfinished)


def finalize(orchestrator: JobOrchestrator, snapshot_id: str) -> None:
    """Be the finalizer of the run that the environment names. To do so twice is harmless."""
    run = through_outages(partial(orchestrator.find_run, UUID(snapshot_id), read_run_id()))
    reconciliation = orchestrator.reconciliation(run.id)
    jobs = orchestrator.jobs_of(run)
    ids = {job.step: job.job_id for job in jobs.steps}

    def why(step: str) -> str:
        return unreported(orchestrator.backend, ids[step], None) if step in ids else FINALIZED

    run = through_outages(partial(reconciliation.reconcile_run, FINALIZED, why))
    logger.info("Run %s: %s", run.name, run.status)
