"""The topology of a coordinator: a control job that submits each step when its turn comes.

If the system starts it again after it was killed, it goes on with the run: what has succeeded
counts as done, and jobs that are still alive are waited for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from zenml.client import Client
from zenml.enums import ExecutionMode, ExecutionStatus
from zenml.logger import get_logger
from zenml.orchestrators.utils import get_config_environment_vars
from zenml.utils.env_utils import get_runtime_environment

from .jobs import COORDINATOR, JobState
from .monitoring import (
    cancel_job,
    ended_jobs,
    job_states,
    log_location,
    submit_job,
    unreported,
    wait_for_news,
)
from .outages import through_outages
from .reconciliation import is_stopped, step_records
from .registry import register_run_jobs
from .run_id import read_run_id
from .termination import sigterm_allowed, sigterm_deferred
from .topology import SubmittedJobs, Topology

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse, PipelineSnapshotResponse, StepRunResponse

    from .job_factory import JobFactory
    from .jobs import Job
    from .orchestrator import JobOrchestrator

logger = get_logger(__name__)


class CoordinatorTopology(Topology):
    """A coordinator, itself a job, keeps the order."""

    role = COORDINATOR
    execution_modes = (
        ExecutionMode.CONTINUE_ON_FAILURE,
        ExecutionMode.STOP_ON_FAILURE,
        ExecutionMode.FAIL_FAST,
    )
    cancels_steps = True

    def submit(
        self,
        factory: JobFactory,
        run: PipelineRunResponse,
        base_environment: Mapping[str, str],
        step_environments: Mapping[str, Mapping[str, str]],
    ) -> SubmittedJobs:
        """Submit the coordinator, unless one of the steps can never run."""
        steps = {name: factory.step(name, {}) for name in step_environments}
        coordinator = factory.control(self.role, base_environment)
        self.check(steps, coordinator)
        return SubmittedJobs(control=submit_job(self.backend, coordinator))

    def coordinator(
        self, snapshot: PipelineSnapshotResponse, run: PipelineRunResponse, run_id: str
    ) -> Coordinator:
        """Return what the coordinator's process does."""
        return Coordinator(self.orchestrator, snapshot, run, run_id)


class _NotWantedError(Exception):
    """A step must not run any more: that became clear while there was no room for its job."""


class Coordinator:
    """One walk through the DAG of a run.

    Attributes:
        pending: Steps that have not been submitted.
        active: The jobs of submitted steps whose end has not been dealt with.
        cancelled: Steps whose jobs are to end.
        told: Those of them of which the backend knows that.
        succeeded: Steps that have succeeded.
        logs: Where the output of steps goes, as far as it is known.
    """

    def __init__(
        self,
        orchestrator: JobOrchestrator,
        snapshot: PipelineSnapshotResponse,
        run: PipelineRunResponse,
        run_id: str,
    ) -> None:
        """Take up the run where it stands.

        Args:
            orchestrator: The orchestrator, for its backend and its description of jobs.
            snapshot: The pipeline with all its steps.
            run: The run.
            run_id: The run id.
        """
        self.orchestrator = orchestrator
        self.backend = orchestrator.backend
        self.snapshot = snapshot
        self.run = run
        self.mode = snapshot.pipeline_configuration.execution_mode
        self.stack = Client().active_stack
        self.factory = orchestrator.job_factory(snapshot, self.stack, run_id)
        self.reconciliation = orchestrator.reconciliation(run.id)

        self.cancelled: set[str] = set()
        self.told: set[str] = set()
        self.logs: dict[str, str] = {}
        records = through_outages(partial(step_records, run.id)).items()
        self.succeeded = {name for name, record in records if self.is_done(record)}
        self.active = {
            job.step: job.job_id
            for job in orchestrator.jobs_of(run).steps
            if job.step not in self.succeeded
        }
        self.pending = [
            name for name in self.names() if name not in self.succeeded and name not in self.active
        ]

    def walk(self) -> None:
        """Run every step whose upstream steps succeed; leave a run with a final status."""
        try:
            self.submit_ready_steps()
            while self.active:
                wait_for_news(self.backend, list(self.active.values()))
                self.end_steps()
                self.submit_ready_steps()
                self.cancel(self.cancelled & self.active.keys())
        finally:
            # Jobs are alive here only if the coordinator has been told to stop, or has failed.
            while self.active:
                self.cancel(list(self.active))
                self.end_steps()
                if self.active:
                    wait_for_news(self.backend, list(self.active.values()))
            reason = "The coordinator has ended before the step could run."
            run = through_outages(partial(self.reconciliation.reconcile_run, reason))
            logger.info("Run %s: %s", run.name, run.status)

    # Start steps.

    def names(self) -> Sequence[str]:
        """Return the steps of the run, in an order that the DAG allows."""
        return list(self.snapshot.step_configurations)

    def submit_ready_steps(self) -> None:
        """Submit the steps whose turn has come."""
        if self.is_stopped():
            self.pending.clear()
            self.cancel_queued()
            return
        ready = [name for name in self.pending if self.is_ready(name)]
        jobs = {name: through_outages(partial(self.job, name)) for name in ready}
        for name in ready:
            if name not in self.pending:
                return  # A step that was not accepted has ended the run.
            try:
                self.submit(name, jobs[name])
            except _NotWantedError:
                return
            except Exception as error:
                logger.exception("The job of step `%s` has not been accepted.", name)
                self.pending.remove(name)
                self.end(name, f"The backend has not accepted the job of the step: {error!r}")
            else:
                self.pending.remove(name)

    def is_stopped(self) -> bool:
        """Say whether a user has stopped the run."""
        run = partial(Client().get_pipeline_run, self.run.id, hydrate=False)
        return is_stopped(through_outages(run))

    def is_done(self, record: StepRunResponse) -> bool:
        """Say whether a step need not run: it has, or ZenML has found it in its cache."""
        return record.status.is_successful

    def is_ready(self, name: str) -> bool:
        """Say whether the turn of a step has come."""
        return self.succeeded.issuperset(self.parents(name))

    def parents(self, name: str) -> Collection[str]:
        """Return the steps that a step comes after."""
        return self.snapshot.step_configurations[name].spec.upstream_steps

    def job(self, name: str) -> Job:
        """Describe the job of a step."""
        return self.factory.step(name, self.environment(name))

    def environment(self, name: str) -> dict[str, str]:
        """Compute what ZenML computes on the client (`BaseOrchestrator.run`)."""
        zenml_environment, secrets = get_config_environment_vars()
        config = self.snapshot.step_configurations[name].config
        return {
            **zenml_environment,
            **secrets,
            **get_runtime_environment(config=config, stack=self.stack),
        }

    def submit(self, name: str, job: Job) -> None:
        """Submit a step."""

        def submit_and_register(job: Job) -> str:
            with sigterm_allowed():
                pass  # Not between a job and the record that it exists.
            job_id = self.backend.submit(job)
            self.register(name, job_id)
            return job_id

        def revise(job: Job) -> Job:
            # While there is no room for it, the run goes on.
            self.end_steps()
            if self.is_stopped():
                self.pending.clear()
                self.cancel_queued()
            if name not in self.pending:
                raise _NotWantedError
            return job

        job_id = submit_job(self.backend, job, revise, submit_and_register)
        if name not in self.active:  # It was found.
            self.register(name, job_id)
        self.register_log(name, job_id)
        logger.info("Step `%s`: submitted as job %s", name, job_id)

    def register(self, name: str, job_id: str) -> None:
        """Register the job of a step, so that others find it, should this process be killed."""
        self.active[name] = job_id
        register_run_jobs(self.run.id, self.orchestrator.id, steps={name: job_id})

    def register_log(self, name: str, job_id: str) -> str | None:
        """Register where the output of a step goes, as soon as that is known; return it."""
        if name not in self.logs and (log := log_location(self.backend, job_id)):
            self.logs[name] = log
            register_run_jobs(self.run.id, self.orchestrator.id, logs={name: log})
        return self.logs.get(name)

    # End steps.

    def end_steps(self) -> None:
        """Deal with the ends of jobs."""
        ended = self.ended()
        for name, job_id in list(self.active.items()):
            if job_id in ended and name in self.active:
                del self.active[name]
                self.end_job(name, job_id)

    def ended(self) -> Collection[str]:
        """Return the jobs that have ended. What can't be asked just now says nothing."""
        return ended_jobs(self.backend, self.active.values())

    def end_job(self, name: str, job_id: str) -> None:
        """Deal with the end of the job of a step, in whatever way it has ended."""
        self.end(name, unreported(self.backend, job_id, self.register_log(name, job_id)))

    def end(self, name: str, reason: str) -> None:
        """Act on the outcome of a step: on what the store says, not on an exit code."""
        stopped = name in self.cancelled
        reconcile = partial(self.reconciliation.reconcile_step, name, reason, stopped)
        status = through_outages(reconcile)
        logger.info("Step `%s`: %s", name, status or "not recorded")
        if status is not None and status.is_successful:
            self.succeeded.add(name)
        elif status is not None and status.is_failed:
            self.after_failure(status)

    def after_failure(self, status: ExecutionStatus) -> None:
        """Do what the execution mode says when a step has failed."""
        del status
        if self.mode == ExecutionMode.CONTINUE_ON_FAILURE:
            return
        self.pending.clear()
        if self.mode == ExecutionMode.FAIL_FAST:
            self.cancel(list(self.active))
        else:
            self.cancel_queued()

    def cancel_queued(self) -> None:
        """Let what runs finish. What is queued would start only to be refused by the store."""
        states = job_states(self.backend, self.active.values())
        queued = [name for name, id in self.active.items() if states.get(id) == JobState.QUEUED]
        self.cancel(queued)

    def cancel(self, names: Collection[str]) -> None:
        """Cancel the jobs of steps. What the backend can't be told now, it is told later."""
        self.cancelled.update(names)
        for name in names:
            if name not in self.told and cancel_job(self.backend, self.active[name]):
                self.told.add(name)


def coordinate(orchestrator: JobOrchestrator, snapshot_id: str) -> None:
    """Be the coordinator of the run that the environment names."""
    snapshot = through_outages(partial(Client().get_snapshot, snapshot_id))
    run_id = read_run_id()
    run = through_outages(partial(orchestrator.find_run, UUID(snapshot_id), run_id))
    topology = orchestrator.topology
    if not isinstance(topology, CoordinatorTopology):
        raise TypeError(f"{type(orchestrator).__name__} has no coordinator.")
    with sigterm_deferred():
        topology.coordinator(snapshot, run, run_id).walk()
