"""The orchestrator: from a ZenML run to jobs, and back to a status.

Each decision is a method of its own, or of a part that a method makes (`job_factory`,
`reconciliation`, `stop`, `topology`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar
from uuid import UUID, uuid4

from zenml.client import Client
from zenml.constants import METADATA_ORCHESTRATOR_RUN_ID
from zenml.enums import ExecutionMode, ExecutionStatus
from zenml.execution.pipeline.dynamic.run_context import DynamicPipelineRunContext
from zenml.logger import get_logger
from zenml.orchestrators import BaseOrchestrator, SubmissionResult
from zenml.orchestrators.exceptions import PipelineSubmissionError
from zenml.utils import source_utils

from .job_factory import JobFactory
from .jobs import JobBackend
from .monitoring import check_reach, ended_jobs, log_location, log_locations, wait_until_ended
from .reconciliation import Reconciliation, is_stopped, step_records
from .registry import LOG_LOCATION, STEP_LOGS, RunJobs, register_run_jobs, run_jobs
from .run_id import announce_run_id, find_run, read_run_id
from .stopping import Stop

if TYPE_CHECKING:
    from zenml.config.base_settings import BaseSettings
    from zenml.metadata.metadata_types import MetadataType
    from zenml.models import PipelineRunResponse, PipelineSnapshotResponse
    from zenml.stack import Stack

    from .entrypoints import StepEntrypoint
    from .topology import SubmittedJobs, Topology

logger = get_logger(__name__)

DIED = (
    "All jobs of the run have ended, its control job among them, but the run has not. A job was "
    "probably killed or could not start; its log may tell."
)


class JobOrchestrator(BaseOrchestrator, ABC):
    """Runs the steps of a pipeline as jobs of a `JobBackend`.

    Holds no state of a run: ZenML uses one instance for many runs, and other instances, in other
    processes, to refresh a run or to continue it.
    """

    topology_class: ClassVar[type[Topology]]
    """Who keeps the order of the steps of a static pipeline."""

    @property
    @abstractmethod
    def backend(self) -> JobBackend:
        """The system that runs the jobs. Nothing here reaches it in another way."""

    @property
    def topology(self) -> Topology:
        """The topology, at work for this orchestrator."""
        return self.topology_class(self)

    @property
    def step_entrypoint(self) -> type[StepEntrypoint]:
        """The program of a step of a static pipeline."""
        return self.topology_class.step_entrypoint

    @property
    def supported_execution_modes(self) -> list[ExecutionMode]:
        """What may happen after a step has failed. ZenML refuses pipelines in other modes."""
        return list(self.topology_class.execution_modes)

    @property
    def run_init_cleanup_at_step_level(self) -> bool:
        """Whether each step runs the pipeline's init and cleanup hooks.

        Yes, since each step has a process of its own. Only steps that share that of a dynamic
        pipeline don't: there, the hooks enclose the run.
        """
        return not DynamicPipelineRunContext.is_active()

    def job_image(
        self, snapshot: PipelineSnapshotResponse, settings: BaseSettings | None, step: str | None
    ) -> str | None:
        """Look up the image of a job: the setting `image`, if there is one.

        Returns:
            The image; None for a job without a container.
        """
        del snapshot, step
        image: str | None = getattr(settings, "image", None)
        return image

    # The run and its id.

    def get_orchestrator_run_id(self) -> str:
        """Tell, in a job, which run it belongs to.

        Raises:
            RuntimeError: If this process is not a job.
        """
        return read_run_id()

    def new_run_id(
        self, snapshot: PipelineSnapshotResponse, placeholder_run: PipelineRunResponse | None
    ) -> str:
        """Choose the id of a run that is about to begin."""
        del snapshot
        return str(placeholder_run.id if placeholder_run else uuid4())

    def announce_run_id(
        self,
        run_id: str,
        snapshot: PipelineSnapshotResponse,
        placeholder_run: PipelineRunResponse | None,
    ) -> PipelineRunResponse:
        """Make the id of a run known before any job exists; return the run."""
        return announce_run_id(run_id, snapshot, placeholder_run)

    def begin_run(
        self, snapshot: PipelineSnapshotResponse, placeholder_run: PipelineRunResponse | None
    ) -> tuple[PipelineRunResponse, str]:
        """Return the run and its id.

        A run that is resumed has had its id since it was first submitted, and keeps it.
        """
        if placeholder_run and placeholder_run.orchestrator_run_id:
            return placeholder_run, placeholder_run.orchestrator_run_id
        run_id = self.new_run_id(snapshot, placeholder_run)
        return self.announce_run_id(run_id, snapshot, placeholder_run), run_id

    def find_run(self, snapshot_id: UUID, run_id: str) -> PipelineRunResponse:
        """Find the run that a control job looks after."""
        return find_run(snapshot_id, run_id)

    # Submission.

    def job_factory(
        self, snapshot: PipelineSnapshotResponse, stack: Stack, run_id: str | None
    ) -> JobFactory:
        """Return what describes the jobs of a run."""
        return JobFactory(self, snapshot, stack, run_id, source_utils.get_source_root())

    def submit_pipeline(
        self,
        snapshot: PipelineSnapshotResponse,
        stack: Stack,
        base_environment: dict[str, str],
        step_environments: dict[str, dict[str, str]],
        placeholder_run: PipelineRunResponse | None = None,
    ) -> SubmissionResult | None:
        """Submit the jobs of a run of a static pipeline.

        Args:
            snapshot: The pipeline, without the steps that ZenML has found in its cache.
            stack: The stack to run on.
            base_environment: How jobs reach ZenML.
            step_environments: The same for each step, with the variables that it adds.
            placeholder_run: The record that ZenML has created for the run, if any.

        Returns:
            What ZenML notes of the run, and how to wait for it if that is wanted.

        Raises:
            ValueError: If a step asks for what the backend can never give. No job has been
                submitted then.
        """
        if later := self.submit_schedule(snapshot, stack, base_environment, placeholder_run):
            return later
        run, run_id = self.begin_run(snapshot, placeholder_run)
        factory = self.job_factory(snapshot, stack, run_id)
        topology = self.topology
        try:
            jobs = topology.submit(factory, run, base_environment, step_environments)
        except BaseException as error:  # Ctrl-C among them.
            # ZenML marks the run as failed, but in its eyes steps that have not failed may follow.
            reason = str(error) or f"{type(error).__name__} during its submission"
            self.reconciliation(run.id).reconcile_run(reason)
            raise
        return self.follow(snapshot, run, run_id, jobs, topology.role)

    def submit_schedule(
        self,
        snapshot: PipelineSnapshotResponse,
        stack: Stack,
        environment: dict[str, str],
        placeholder_run: PipelineRunResponse | None,
    ) -> SubmissionResult | None:
        """Have the backend begin runs at set times, which only `ScheduledRuns` can.

        Returns:
            What ZenML notes of the schedule; None for a run that is to begin now. One that a
            schedule has begun has a record already.
        """
        del stack, environment
        if snapshot.schedule and placeholder_run is None:
            raise PipelineSubmissionError(
                f"Pipeline `{snapshot.pipeline_configuration.name}` has a schedule, and `config.py`"
                " says that schedules are supported (`is_schedulable`), but the orchestrator does "
                "not inherit from `ScheduledRuns`."
            )
        return None

    def follow(
        self,
        snapshot: PipelineSnapshotResponse,
        run: PipelineRunResponse,
        run_id: str,
        jobs: SubmittedJobs,
        role: str,
    ) -> SubmissionResult | None:
        """Register the jobs that have been submitted, and say how to wait for them."""
        # First of all, so that whatever happens next, the jobs can be found.
        register_run_jobs(run.id, self.id, control=jobs.control, steps=jobs.steps)
        if is_stopped(Client().get_pipeline_run(run.id, hydrate=False)):
            # The process that has stopped it could not know these jobs.
            self.stop(run.id).forcefully()

        logs = log_locations(self.backend, dict(jobs.steps))
        register_run_jobs(run.id, self.id, logs=logs)
        metadata: dict[str, MetadataType] = {METADATA_ORCHESTRATOR_RUN_ID: run_id}
        for step, location in logs.items():
            logger.info("Step `%s` logs to %s", step, location)
        if control_log := log_location(self.backend, jobs.control):
            metadata[LOG_LOCATION] = control_log
            logger.info("The %s job of the run logs to %s", role, control_log)
        # Nobody waits for a run that a schedule has started.
        waits = self.is_synchronous(snapshot) and snapshot.schedule is None
        return SubmissionResult(
            wait_for_completion=(lambda: self.wait_for(run.id, jobs)) if waits else None,
            metadata=metadata,
        )

    def is_synchronous(self, snapshot: PipelineSnapshotResponse) -> bool:
        """Say whether the client waits until a run has ended."""
        return bool(getattr(self.get_settings(snapshot), "synchronous", True))

    def wait_for(self, run_id: UUID, jobs: SubmittedJobs) -> None:
        """Wait until a run has ended, and end what its control job has not.

        Args:
            run_id: ZenML's id of the run.
            jobs: What was submitted.
        """
        wait_until_ended(self.backend, [jobs.control], watched=[*jobs.steps.values()])
        run = Client().get_pipeline_run(run_id)
        if run.in_progress:
            wait_until_ended(self.backend, self.jobs_of(run).ids)
            run = self.reconciliation(run_id).reconcile_run(DIED)
        if run.status == ExecutionStatus.FAILED:
            self.report_failed_steps(run)

    def report_failed_steps(self, run: PipelineRunResponse) -> None:
        """Tell where the output of the steps is that have failed."""
        logs = run.run_metadata.get(STEP_LOGS)
        for name, record in step_records(run.id).items():
            if record.status.is_failed and isinstance(logs, dict) and name in logs:
                logger.error("Step `%s` has failed. Its job has logged to %s", name, logs[name])

    # Afterwards.

    def jobs_of(self, run: PipelineRunResponse) -> RunJobs:
        """Look up the jobs of a run, wherever this process may be."""
        return run_jobs(run)

    def reconciliation(self, run_id: UUID) -> Reconciliation:
        """Return what makes the records of a run final.

        Args:
            run_id: ZenML's id of the run.
        """
        return Reconciliation(run_id)

    def stop(self, run_id: UUID) -> Stop:
        """Return what stops a run.

        Args:
            run_id: ZenML's id of the run.
        """
        return Stop(self, run_id)

    def fetch_status(
        self, run: PipelineRunResponse, include_steps: bool = False
    ) -> tuple[ExecutionStatus | None, dict[str, ExecutionStatus] | None]:
        """Finish a run that no process looks after any more.

        Steps report their own progress. Only what has died can't; that is reconciled here.

        Args:
            run: The run.
            include_steps: Ignored: steps are reconciled together with their run.

        Returns:
            `FAILED` if the run had to be given up, else None: the store knows better. None for
            the steps, whose records are up to date by then.

        Raises:
            OutOfReachError: If nobody can say from here whether its jobs are alive.
        """
        del include_steps
        jobs = self.jobs_of(run)
        # A run without a control job is still being submitted; nothing is known to be wrong.
        if not run.in_progress or jobs.control is None:
            return None, None
        check_reach(self.backend, jobs.ids)
        if not ended_jobs(self.backend, jobs.ids).issuperset(jobs.ids):
            return None, None
        run = self.reconciliation(run.id).reconcile_run(DIED)
        return (ExecutionStatus.FAILED if run.status == ExecutionStatus.FAILED else None), None

    def stop_run(self, run: PipelineRunResponse, graceful: bool = False) -> None:
        """Stop a run.

        Args:
            run: The run.
            graceful: Whether what runs may end.

        Raises:
            OutOfReachError: If its jobs can't be reached from here. The run is not marked as
                `stopping` then, as `BaseOrchestrator.stop_run` does first.
        """
        check_reach(self.backend, self.jobs_of(run).ids)
        super().stop_run(run, graceful)

    def _stop_run_forcefully(self, pipeline_run: PipelineRunResponse) -> None:
        self.stop(pipeline_run.id).forcefully()

    def _stop_run_gracefully(self, pipeline_run: PipelineRunResponse) -> None:
        self.stop(pipeline_run.id).gracefully()
