"""Final statuses for steps that could not report their own end, and for their run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.client import Client
from zenml.enums import ExecutionMode, ExecutionStatus
from zenml.models.v2.misc.exception_info import ExceptionInfo
from zenml.orchestrators.publish_utils import publish_step_run_status_update
from zenml.orchestrators.step_run_utils import StepRunRequestFactory
from zenml.utils.time_utils import utc_now

from zenml_conformance.fake_backend.jobs import JobState

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse, PipelineSnapshotResponse, StepRunResponse

    from zenml_conformance.former_reference.orchestrator import ReferenceOrchestrator


class Settlement:
    """Gives one run's dead steps, and the run, a final status. The store is the truth."""

    def __init__(
        self, run_id: str, snapshot: PipelineSnapshotResponse, orchestrator: ReferenceOrchestrator
    ) -> None:
        """Point at a run.

        Args:
            run_id: The orchestrator's run id.
            snapshot: The whole snapshot.
            orchestrator: Says what counts as done.
        """
        self.run_id = run_id
        self.snapshot = snapshot
        self.orchestrator = orchestrator

    def run(self) -> PipelineRunResponse | None:
        """Read the run; None before its first step, when there was no placeholder."""
        runs = Client().list_pipeline_runs(
            snapshot_id=self.snapshot.id, orchestrator_run_id=self.run_id, hydrate=True
        )
        return runs.items[0] if runs.items else None

    def step_is_done(self, name: str, state: JobState) -> bool:
        """Settle a step whose job has ended.

        Args:
            name: Its invocation id.
            state: How the job ended.

        Returns:
            Whether what comes after it may start.
        """
        run = self.run()
        if run is None:
            return False
        if self.orchestrator.state_after(state, run, name):
            return True
        self.fail_step(run, name)
        return False

    def fail_step(self, run: PipelineRunResponse, name: str) -> None:
        """Publish the failure of a step that did not publish its own.

        Args:
            run: The run.
            name: The step's invocation id.
        """
        step = self.fail_attempt(run, name)
        while step.status is ExecutionStatus.RETRYING:
            # The store expects another attempt, but whoever would make it is dead.
            step = self.record_failed_step(run, name)

    def fail_attempt(self, run: PipelineRunResponse, name: str) -> StepRunResponse:
        """Publish the failure of a step's last attempt, if it is not final.

        Args:
            run: The run.
            name: The step's invocation id.

        Returns:
            The attempt's record; `retrying` when the store expects another.
        """
        step = run.steps.get(name)
        if step is None:
            return self.record_failed_step(run, name)
        if step.status.is_finished or step.status is ExecutionStatus.RETRYING:
            return step
        return publish_step_run_status_update(
            step.id, ExecutionStatus.FAILED, exception_info=self.reason(run, name)
        )

    def reason(self, run: PipelineRunResponse, name: str) -> ExceptionInfo | None:
        """Say why a step is published as failed, as far as the backend knows.

        Args:
            run: The run.
            name: The step's invocation id.

        Returns:
            What to store with the step.
        """
        job_id = self.orchestrator.jobs_of(run).get(name)
        state = self.orchestrator.state(job_id).value if job_id else "not known"
        message = f"its job {job_id or ''} is {state}, and it did not report its own end"
        return ExceptionInfo(traceback="", message=message)

    def record_failed_step(self, run: PipelineRunResponse, name: str) -> StepRunResponse:
        """Create the failed record of an attempt that was never made, so that the run can end."""
        factory = StepRunRequestFactory(
            snapshot=self.snapshot, pipeline_run=run, stack=Client().active_stack
        )
        request = factory.create_request(name)
        factory.populate_request(request)
        request.status, request.end_time = ExecutionStatus.FAILED, utc_now()
        request.exception_info = self.reason(run, name)
        return Client().zen_store.create_run_step(request)

    def settle_all(self) -> None:
        """Settle every step, when no job of the run is live any more."""
        run = self.run()
        stopping = (ExecutionStatus.STOPPING, ExecutionStatus.STOPPED)
        if run is None or not run.in_progress or run.status in stopping:
            return  # What is stopped is for whoever stops it to settle.
        done: set[str] = set()
        failed: set[str] = set()
        for name, step in self.snapshot.step_configurations.items():
            record = run.steps.get(name)
            if record and record.status.is_successful:
                done.add(name)
            elif any(parent not in done for parent in step.spec.upstream_steps):
                continue  # Never due: ZenML counts it as skipped.
            elif record or not failed or self._continues:
                self.fail_step(run, name)
                failed.add(name)
        self.finish(done, failed)

    @property
    def _continues(self) -> bool:
        mode = self.snapshot.pipeline_configuration.execution_mode
        return mode is ExecutionMode.CONTINUE_ON_FAILURE

    def finish(self, done: set[str], failed: set[str]) -> None:
        """Publish the run's failure unless every step is done.

        Args:
            done: Steps with a successful record.
            failed: Steps that failed.
        """
        if set(self.snapshot.step_configurations) - done:
            run = self.run()
            if run:
                self.orchestrator.fail_run(run)
