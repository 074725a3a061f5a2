"""Dynamic pipelines and isolated steps on the reference backend, in both topologies.

One *orchestration job* runs the pipeline's code and its inline steps; each isolated step is a job
that the orchestration job submits. What must be known of a job afterwards is in ZenML's store:
status, stop and cleanup are asked by processes that have submitted nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml.client import Client
from zenml.config.step_configurations import Step
from zenml.enums import ExecutionStatus
from zenml.orchestrators import SubmissionResult
from zenml.orchestrators.publish_utils import (
    publish_pipeline_run_metadata,
    publish_step_run_metadata,
    publish_step_run_status_update,
)
from zenml.orchestrators.utils import get_step_entrypoint_command

from zenml_conformance.fake_backend.jobs import Job, JobState
from zenml_conformance.former_reference.entrypoint import (
    ReferenceDynamicEntrypoint,
    ReferenceIsolatedEntrypoint,
)
from zenml_conformance.former_reference.part import Part

if TYPE_CHECKING:
    from zenml.config.step_run_info import StepRunInfo
    from zenml.models import (
        PipelineRunResponse,
        PipelineSnapshotResponse,
        StepRunResponse,
    )
    from zenml.stack import Stack

JOB_METADATA = "reference_jobs"
"""Run metadata: the id of the job that ends the run, then those of the steps. Step metadata: the
id of an isolated step's job."""


class DynamicPipelines(Part):
    """The part of the reference orchestrator that runs pipelines which are code."""

    # -- the orchestration job --------------------------------------------------------------

    def submit_dynamic_pipeline(
        self,
        snapshot: PipelineSnapshotResponse,
        stack: Stack,
        environment: dict[str, str],
        placeholder_run: PipelineRunResponse | None = None,
    ) -> SubmissionResult | None:
        """Submit a dynamic pipeline, or go on with a run of it that has ended too early."""
        if snapshot.schedule and placeholder_run is None:
            return self.whole.submit_schedule(snapshot, snapshot.schedule, environment)
        run_id = self.dynamic_run_id(snapshot, placeholder_run)
        job = self.orchestration_job(snapshot, run_id, environment, placeholder_run)
        job_id = self.whole.backend.submit(job)
        if placeholder_run and placeholder_run.orchestrator_run_id:
            # ZenML ignores the metadata that going on with a run returns (`resume_run`).
            publish_pipeline_run_metadata(
                placeholder_run.id, {self.id: {JOB_METADATA: {"": job_id}}}
            )
        return self.whole.result(
            run_id, {"": job_id}, lambda: self.whole.wait_for(job_id, run_id, snapshot)
        )

    def dynamic_run_id(
        self, snapshot: PipelineSnapshotResponse, placeholder: PipelineRunResponse | None
    ) -> str:
        """Choose the id of a firing; a run that goes on keeps its own."""
        if placeholder and placeholder.orchestrator_run_id:
            return placeholder.orchestrator_run_id
        run_id = self.whole.new_run_id(snapshot, placeholder)
        self.whole.announce_run_id(run_id, placeholder)
        return run_id

    def orchestration_job(
        self,
        snapshot: PipelineSnapshotResponse,
        run_id: str,
        environment: dict[str, str],
        run: PipelineRunResponse | None,
    ) -> Job:
        """The job that runs the pipeline's code."""
        return Job(
            name=self.orchestration_job_name(run_id),
            command=self.orchestration_command(snapshot, run),
            environment=self.orchestration_environment(environment, run_id),
            labels={"role": "orchestration", "run": run_id},
            **self.orchestration_resources(snapshot),
        )

    def orchestration_job_name(self, run_id: str) -> str:
        """Name the job: a run may be gone on with, and has several then."""
        return self.whole.job_name(run_id, "orchestration")

    def orchestration_command(
        self, snapshot: PipelineSnapshotResponse, run: PipelineRunResponse | None
    ) -> tuple[str, ...]:
        """The command that runs the pipeline's code."""
        entrypoint = ReferenceDynamicEntrypoint
        arguments = entrypoint.get_entrypoint_arguments(
            snapshot_id=snapshot.id, run_id=run.id if run else None
        )
        return (*entrypoint.get_entrypoint_command(), *arguments)

    def orchestration_environment(self, environment: dict[str, str], run_id: str) -> dict[str, str]:
        """The run id is part of it, so that it is the same when the job is run again."""
        return self.whole.job_environment(environment, run_id)

    def orchestration_resources(self, snapshot: PipelineSnapshotResponse) -> dict[str, Any]:
        """What the pipeline asks for is for its own code, and for inline steps."""
        return self.whole.resources(snapshot.pipeline_configuration.resource_settings)

    def settle_dynamic(self, run_id: str, snapshot: PipelineSnapshotResponse) -> None:
        """Give a run whose orchestration job has ended a final status."""
        for run in Client().list_pipeline_runs(
            snapshot_id=snapshot.id, orchestrator_run_id=run_id, hydrate=True
        ):
            if run.in_progress:
                for step in run.steps.values():
                    self.settle_step_of_dead_run(step)
                self.whole.fail_run(run)

    def settle_step_of_dead_run(self, step: StepRunResponse) -> None:
        """Publish the failure of a step that nobody watches any more, unless it still runs."""
        if step.status.is_finished:
            return
        if self.is_isolated(step) and not self.isolated_state(step).is_ended:
            return
        publish_step_run_status_update(step.id, ExecutionStatus.FAILED)

    # -- isolated steps ---------------------------------------------------------------------

    def submit_isolated_step(self, step_run_info: StepRunInfo, environment: dict[str, str]) -> None:
        """Submit an isolated step, and note its job in ZenML's store."""
        job_id = self.whole.backend.submit(self.isolated_job(step_run_info, environment))
        self.remember_isolated_job(step_run_info.step_run, job_id)
        self.whole.remember_job(
            Client().get_pipeline_run(step_run_info.run_id),
            step_run_info.pipeline_step_name,
            job_id,
        )

    def isolated_job(self, info: StepRunInfo, environment: dict[str, str]) -> Job:
        """Turn an isolated step into a job."""
        run_id = self.get_orchestrator_run_id()
        step = Step(spec=info.spec, config=info.config, step_config_overrides=info.config)
        return Job(
            name=self.isolated_job_name(info, run_id),
            command=self.isolated_command(info),
            environment=self.isolated_environment(environment, run_id),
            labels={"role": "step", "run": run_id},
            image=self.isolated_image(step, info.snapshot),
            **self.isolated_resources(step, info.snapshot),
        )

    def isolated_job_name(self, info: StepRunInfo, run_id: str) -> str:
        """Name the job: a step that ZenML retries has several."""
        return self.whole.job_name(run_id, info.pipeline_step_name)

    def isolated_command(self, info: StepRunInfo) -> tuple[str, ...]:
        """The command of a command step as it is, else ZenML's entrypoint."""
        command, arguments = get_step_entrypoint_command(
            invocation_id=info.pipeline_step_name,
            config=info.config,
            entrypoint_config_class=ReferenceIsolatedEntrypoint,
            snapshot_id=info.snapshot.id,
            step_run_id=str(info.step_run_id),
        )
        return (*command, *arguments)

    def isolated_environment(self, environment: dict[str, str], run_id: str) -> dict[str, str]:
        """As for any job."""
        return self.whole.job_environment(environment, run_id)

    def isolated_image(self, step: Step, snapshot: PipelineSnapshotResponse) -> str | None:
        """The image that a step's settings name."""
        return self.whole.image(step, snapshot)

    def isolated_resources(self, step: Step, snapshot: PipelineSnapshotResponse) -> dict[str, Any]:
        """What a step asks for."""
        return self.whole.step_resources(step, snapshot)

    def remember_isolated_job(self, step_run: StepRunResponse, job_id: str) -> None:
        """Note which job runs a step, for whoever asks for it later."""
        publish_step_run_metadata(step_run.id, {self.id: {JOB_METADATA: job_id}})

    def isolated_job_id(self, step_run: StepRunResponse) -> str | None:
        """The job of an isolated step. The record in hand may be older than its job."""
        job_id = Client().get_run_step(step_run.id).run_metadata.get(JOB_METADATA)
        return str(job_id) if job_id else None

    def is_isolated(self, step_run: StepRunResponse) -> bool:
        """Whether a step has a job of its own."""
        return self.isolated_job_id(step_run) is not None

    def isolated_state(self, step_run: StepRunResponse) -> JobState:
        """Where the job of an isolated step is."""
        job_id = self.isolated_job_id(step_run)
        return self.whole.backend.status(job_id) if job_id else JobState.UNKNOWN

    def get_isolated_step_status(self, step_run: StepRunResponse) -> ExecutionStatus:
        """Say where an isolated step is, in the words that ZenML's runner understands."""
        state = self.isolated_state(step_run)
        if not state.is_ended:
            return self.status_of_live(state)
        # Its report, if there is one, is in by now.
        return self.status_after(state, Client().get_run_step(step_run.id))

    def status_of_live(self, state: JobState) -> ExecutionStatus:
        """A job that is queued is being provided for: QUEUED has another meaning to ZenML."""
        if state is JobState.QUEUED:
            return ExecutionStatus.PROVISIONING
        return ExecutionStatus.RUNNING

    def status_after(self, state: JobState, record: StepRunResponse) -> ExecutionStatus:
        """The status of a step whose job has ended: what it reported, else how its job ended."""
        if record.status.is_finished:
            return self.status_reported(record.status)
        if record.config.command is not None and state is JobState.SUCCEEDED:
            return ExecutionStatus.COMPLETED  # No code of ZenML's runs there, to report it.
        return self.status_unreported(state)

    def status_reported(self, status: ExecutionStatus) -> ExecutionStatus:
        """What a step reported, in the words that ZenML's runner understands."""
        if status.is_successful:
            return ExecutionStatus.COMPLETED
        return status if status is ExecutionStatus.STOPPED else ExecutionStatus.FAILED

    def status_unreported(self, state: JobState) -> ExecutionStatus:
        """A job that ended well without a report has failed, and so has one that is forgotten."""
        cancelled = state is JobState.CANCELLED
        return ExecutionStatus.STOPPED if cancelled else ExecutionStatus.FAILED

    def stop_isolated_step(self, step_run: StepRunResponse) -> None:
        """End an isolated step's job."""
        self.end_isolated_job(step_run)

    def end_isolated_job(self, step_run: StepRunResponse) -> None:
        """Cancel a job, if there is one that has not ended."""
        if job_id := self.isolated_job_id(step_run):
            self.whole.backend.cancel(job_id)

    def cleanup_isolated_step(self, step_run: StepRunResponse) -> None:
        """Leave nothing behind: also when ZenML gives up a job that has not ended."""
        self.end_isolated_job(step_run)
