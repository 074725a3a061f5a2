"""Dynamic pipelines: a control job runs the function of the pipeline.

Its steps run in the same process, or in a job of their own, which that process submits and
watches. When it has died and another takes its place, that one knows no more than ZenML's records
tell: hence the registry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.client import Client
from zenml.enums import ExecutionStatus
from zenml.logger import get_logger

from .jobs import ORCHESTRATION, JobState
from .monitoring import cancel_job, check_job, log_location, submit_job, unreported
from .orchestrator import JobOrchestrator
from .registry import isolated_step_job, register_step_job
from .topology import SubmittedJobs

if TYPE_CHECKING:
    from zenml.config.step_run_info import StepRunInfo
    from zenml.models import PipelineRunResponse, PipelineSnapshotResponse, StepRunResponse
    from zenml.orchestrators import SubmissionResult
    from zenml.stack import Stack

logger = get_logger(__name__)


class DynamicPipelines(JobOrchestrator):
    """An orchestrator that runs dynamic pipelines as well."""

    def submit_dynamic_pipeline(
        self,
        snapshot: PipelineSnapshotResponse,
        stack: Stack,
        environment: dict[str, str],
        placeholder_run: PipelineRunResponse | None = None,
    ) -> SubmissionResult | None:
        """Submit the job that runs the function of a pipeline.

        Args:
            snapshot: The pipeline.
            stack: The stack to run on.
            environment: How jobs reach ZenML.
            placeholder_run: The record of the run, if there is one; of a run that is resumed or
                retried, which gets a second job, the record that it has.

        Returns:
            What ZenML notes of the run, and how to wait for it if that is wanted.

        Raises:
            ValueError: If the pipeline asks for what the backend can never give.
        """
        if later := self.submit_schedule(snapshot, stack, environment, placeholder_run):
            return later
        run, run_id = self.begin_run(snapshot, placeholder_run)
        job = self.job_factory(snapshot, stack, run_id).orchestration(run.id, environment)
        check_job(self.backend, job)
        jobs = SubmittedJobs(control=submit_job(self.backend, job))
        return self.follow(snapshot, run, run_id, jobs, ORCHESTRATION)

    def submit_isolated_step(self, step_run_info: StepRunInfo, environment: dict[str, str]) -> None:
        """Submit the job of a step, without waiting for it.

        Args:
            step_run_info: The step.
            environment: How the job reaches ZenML, with the variables that the step adds.

        Raises:
            ValueError: If the step asks for what the backend can never give.
            Exception: If the backend does not take the job, or it could not be found again.
        """
        factory = self.job_factory(
            step_run_info.snapshot, Client().active_stack, self.get_orchestrator_run_id()
        )
        job = factory.isolated_step(step_run_info, environment)
        check_job(self.backend, job)
        job_id = submit_job(self.backend, job)
        try:
            log = log_location(self.backend, job_id)
            self.register_isolated_step(step_run_info, job_id, log)
        except BaseException:  # SIGTERM among them.
            cancel_job(self.backend, job_id)
            raise
        if log:
            logger.info("Step `%s` logs to %s", step_run_info.pipeline_step_name, log)

    def register_isolated_step(self, info: StepRunInfo, job_id: str, log: str | None) -> None:
        """Register the job of a step, for any process that asks for it later."""
        register_step_job(info.step_run_id, self.id, job_id, log)

    def isolated_job(self, step_run: StepRunResponse) -> str | None:
        """Look up the job of a step. The record in hand may be older than its job."""
        return isolated_step_job(Client().get_run_step(step_run.id))

    def isolated_state(self, step_run: StepRunResponse) -> JobState:
        """Say how the job of a step is doing; one that was never submitted is unknown."""
        job_id = self.isolated_job(step_run)
        return JobState.UNKNOWN if job_id is None else self.backend.status(job_id)

    def get_isolated_step_status(self, step_run: StepRunResponse) -> ExecutionStatus:
        """Say how a step is doing, in the words that ZenML's runner acts on.

        Args:
            step_run: The record of the step, however old.

        Returns:
            `PROVISIONING`, `RUNNING`, `COMPLETED`, `FAILED` or `STOPPED`. A job that was never
            submitted, or that the backend has forgotten, has failed.

        Raises:
            Exception: If the backend or the store can't be asked just now; the runner asks again.
        """
        state = self.isolated_state(step_run)
        if state == JobState.HELD:
            self.end_isolated_step(step_run)
        if not state.is_ended:
            return self.status_of_alive(state)
        # Read after the job has ended: it is final now, or never will be.
        record = Client().get_run_step(step_run.id)
        if not record.status.is_finished and (job_id := self.isolated_job(record)):
            logger.warning("Step `%s`: %s", record.name, unreported(self.backend, job_id, None))
        return self.status_of_ended(state, record)

    def status_of_alive(self, state: JobState) -> ExecutionStatus:
        """Translate the state of a job that has not ended. ZenML has another use for `QUEUED`."""
        is_running = state == JobState.RUNNING
        return ExecutionStatus.RUNNING if is_running else ExecutionStatus.PROVISIONING

    def status_of_ended(self, state: JobState, record: StepRunResponse) -> ExecutionStatus:
        """Say how a step has ended.

        Whether it succeeded is for its record to say: the runner waits for ever for a step that
        is called completed here and not there.
        """
        if record.status.is_successful:
            return ExecutionStatus.COMPLETED
        if record.status.is_finished:
            stopped = record.status == ExecutionStatus.STOPPED
            return ExecutionStatus.STOPPED if stopped else ExecutionStatus.FAILED
        if record.config.command is not None and state == JobState.SUCCEEDED:
            return ExecutionStatus.COMPLETED  # No code of ZenML runs in a command, to report it.
        return self.status_of_unreported(state)

    def status_of_unreported(self, state: JobState) -> ExecutionStatus:
        """Say how a step has ended that has not reported it."""
        cancelled = state == JobState.CANCELLED
        return ExecutionStatus.STOPPED if cancelled else ExecutionStatus.FAILED

    def stop_isolated_step(self, step_run: StepRunResponse) -> None:
        """Have the job of a step ended. To do so twice is harmless."""
        self.end_isolated_step(step_run)

    def cleanup_isolated_step(self, step_run: StepRunResponse) -> None:
        """Leave no job behind of a step that is over, in whatever way."""
        self.end_isolated_step(step_run)

    def end_isolated_step(self, step_run: StepRunResponse) -> None:
        """Cancel the job of a step, if there is one that has not ended."""
        job_id = self.isolated_job(step_run)
        if job_id is not None and not self.backend.status(job_id).is_ended:
            self.backend.cancel(job_id)
