"""The reference orchestrator: small, correct, and only good for being judged.

Each thing that can go wrong has a method of its own, so that the suite's tests can break exactly
that. It runs its jobs on the reference backend and nowhere else.
"""

from __future__ import annotations

import math
import os
import re
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

from zenml.client import Client
from zenml.config.global_config import GlobalConfiguration
from zenml.constants import METADATA_ORCHESTRATOR_RUN_ID
from zenml.enums import ExecutionMode, ExecutionStatus
from zenml.models import PipelineRunUpdate
from zenml.orchestrators import SubmissionResult
from zenml.orchestrators.publish_utils import (
    publish_failed_pipeline_run,
    publish_pipeline_run_metadata,
)
from zenml.orchestrators.utils import get_config_environment_vars
from zenml.stack import Stack
from zenml.utils.env_utils import get_runtime_environment

from zenml_conformance.engine.protocol import EngineError
from zenml_conformance.fake_backend.client import FakeBackend
from zenml_conformance.fake_backend.jobs import Job, JobState
from zenml_conformance.former_reference.dynamic import JOB_METADATA, DynamicPipelines
from zenml_conformance.former_reference.entrypoint import ReferenceStepEntrypoint
from zenml_conformance.former_reference.flavor import ReferenceOrchestratorConfig
from zenml_conformance.former_reference.flavor import (
    ReferenceOrchestratorFlavor as ReferenceOrchestratorFlavor,
)
from zenml_conformance.former_reference.schedules import Schedules
from zenml_conformance.former_reference.settlement import Settlement
from zenml_conformance.former_reference.stopping import Stop

if TYPE_CHECKING:
    from zenml.config.base_settings import BaseSettings
    from zenml.config.resource_settings import ResourceSettings
    from zenml.config.step_configurations import Step
    from zenml.models import (
        PipelineRunResponse,
        PipelineSnapshotResponse,
    )

RUN_ID_VARIABLE = "ZENML_REFERENCE_RUN_ID"

PAUSES = (0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds to wait before the backend is asked for a state again."""


class ReferenceOrchestrator(DynamicPipelines, Schedules):
    """Runs steps as jobs of the reference backend, in either topology."""

    @property
    def config(self) -> ReferenceOrchestratorConfig:
        """The configuration."""
        return cast(ReferenceOrchestratorConfig, self._config)

    @property
    def settings_class(self) -> type[BaseSettings]:
        """The settings."""
        from zenml_conformance.former_reference.flavor import ReferenceOrchestratorSettings

        return ReferenceOrchestratorSettings

    @property
    def backend(self) -> FakeBackend:
        """The backend. The suite puts it here."""
        raise RuntimeError(
            "The reference orchestrator runs only under the conformance suite, which gives it its "
            "backend: pytest --orchestrator=reference"
        )

    @property
    def supported_execution_modes(self) -> list[ExecutionMode]:
        """What each topology really does: nobody is there to cancel jobs of a native DAG."""
        modes = [ExecutionMode.CONTINUE_ON_FAILURE, ExecutionMode.STOP_ON_FAILURE]
        if self.config.topology == "coordinator":
            modes.append(ExecutionMode.FAIL_FAST)
        return modes

    # -- identity ---------------------------------------------------------------------------

    def get_orchestrator_run_id(self) -> str:
        """Read the run id that submission gave to every job."""
        try:
            return os.environ[RUN_ID_VARIABLE]
        except KeyError:
            raise RuntimeError(
                f"{RUN_ID_VARIABLE} is not set: this process is no job of a run."
            ) from None

    def new_run_id(
        self, snapshot: PipelineSnapshotResponse, placeholder: PipelineRunResponse | None
    ) -> str:
        """Choose the id of a firing."""
        return str(placeholder.id) if placeholder else str(uuid4())

    def announce_run_id(self, run_id: str, placeholder: PipelineRunResponse | None) -> None:
        """Make the id known before the first step starts."""
        if placeholder:
            Client().zen_store.update_run(
                placeholder.id, PipelineRunUpdate(orchestrator_run_id=run_id)
            )

    # -- submission -------------------------------------------------------------------------

    def submit_pipeline(
        self,
        snapshot: PipelineSnapshotResponse,
        stack: Stack,
        base_environment: dict[str, str],
        step_environments: dict[str, dict[str, str]],
        placeholder_run: PipelineRunResponse | None = None,
    ) -> SubmissionResult | None:
        """Submit a pipeline, or have the backend fire it again and again."""
        if snapshot.schedule and placeholder_run is None:
            return self.submit_schedule(snapshot, snapshot.schedule, base_environment)
        run_id = self.new_run_id(snapshot, placeholder_run)
        self.announce_run_id(run_id, placeholder_run)
        if self.config.topology == "coordinator":
            jobs = {"": self.submit_coordinator(snapshot, run_id, base_environment)}
        else:
            jobs = self.submit_dag(snapshot, stack, run_id, base_environment, step_environments)
        last = jobs[""]
        return self.result(run_id, jobs, lambda: self.wait_for(last, run_id, snapshot))

    def result(
        self, run_id: str, jobs: dict[str, str], wait: Callable[[], None]
    ) -> SubmissionResult | None:
        """Say what ZenML should remember and wait for."""
        return SubmissionResult(
            wait_for_completion=wait if self.config.synchronous else None,
            metadata={METADATA_ORCHESTRATOR_RUN_ID: run_id, JOB_METADATA: dict(jobs)},
        )

    def wait_for(self, job_id: str, run_id: str, snapshot: PipelineSnapshotResponse) -> None:
        """Wait for the job that ends a run, then settle what it could not."""
        while not self.state(job_id).is_ended:
            self.backend.wait_for_change([job_id], timeout=30)
        self.settle_after(run_id, snapshot)

    def state(self, job_id: str) -> JobState:
        """Ask for a job's state, and ask again when there is no answer: that says nothing."""
        for pause in PAUSES:
            try:
                return self.backend.status(job_id)
            except EngineError:
                time.sleep(pause)
        return self.backend.status(job_id)

    def settle_after(self, run_id: str, snapshot: PipelineSnapshotResponse) -> None:
        """Give a run whose jobs have all ended its final status."""
        if snapshot.is_dynamic:
            self.settle_dynamic(run_id, snapshot)
        else:
            self.settlement(run_id, snapshot).settle_all()

    def settlement(self, run_id: str, snapshot: PipelineSnapshotResponse) -> Settlement:
        """Whoever settles what the steps of a run could not report."""
        return Settlement(run_id, snapshot, self)

    def submit_coordinator(
        self, snapshot: PipelineSnapshotResponse, run_id: str, base_environment: dict[str, str]
    ) -> str:
        """Submit the one job that submits the others."""
        return self.backend.submit(
            Job(
                name=self.job_name(run_id, "coordinator"),
                command=self.module_command("coordinator", snapshot, run_id),
                environment=self.job_environment(base_environment, run_id),
                labels={"role": "coordinator", "run": run_id},
                **self.coordinator_resources(snapshot),
            )
        )

    def coordinator_resources(self, snapshot: PipelineSnapshotResponse) -> dict[str, Any]:
        """What the coordinator asks for: nothing, it only waits."""
        return {}

    def submit_dag(
        self,
        snapshot: PipelineSnapshotResponse,
        stack: Stack,
        run_id: str,
        base_environment: dict[str, str],
        step_environments: dict[str, dict[str, str]],
    ) -> dict[str, str]:
        """Submit every step with its dependencies, and a job that settles the run after them."""
        ids: dict[str, str] = {}
        try:
            for name, step in self.steps_in_order(snapshot):
                environment = step_environments[name]
                needs = [ids[parent] for parent in self.parents(step) if parent in ids]
                ids[name] = self.backend.submit(
                    self.step_job(snapshot, name, run_id, environment, tuple(needs))
                )
            ids[""] = self.backend.submit(
                Job(
                    name=self.job_name(run_id, "finalizer"),
                    command=self.module_command("finalizer", snapshot, run_id),
                    environment=self.job_environment(base_environment, run_id),
                    depends_on=tuple(ids.values()),
                    start_when="ended",
                    labels={"role": "finalizer", "run": run_id},
                )
            )
        except BaseException:
            self.roll_back(list(ids.values()))
            raise
        return ids

    def roll_back(self, job_ids: list[str]) -> None:
        """Cancel what was submitted before a submission failed."""
        for job_id in job_ids:
            self.backend.cancel(job_id)

    def steps_in_order(self, snapshot: PipelineSnapshotResponse) -> list[tuple[str, Step]]:
        """The steps to run; ZenML keeps them in topological order."""
        return list(snapshot.step_configurations.items())

    def parents(self, step: Step) -> list[str]:
        """The invocation ids that a step comes after."""
        return list(step.spec.upstream_steps)

    # -- jobs -------------------------------------------------------------------------------

    def step_job(
        self,
        snapshot: PipelineSnapshotResponse,
        name: str,
        run_id: str,
        environment: dict[str, str],
        depends_on: tuple[str, ...] = (),
    ) -> Job:
        """Turn a step into a job."""
        step = snapshot.step_configurations[name]
        return Job(
            name=self.job_name(run_id, name),
            command=self.step_command(snapshot, name),
            environment=self.job_environment(environment, run_id),
            depends_on=depends_on,
            labels={"role": "step", "run": run_id},
            image=self.image(step, snapshot),
            **self.step_resources(step, snapshot),
        )

    def job_name(self, run_id: str, what: str) -> str:
        """Name a job: legal anywhere, and unlike every other."""
        word = re.sub("[^a-z0-9]+", "-", what.lower()).strip("-")[:24].strip("-")
        return f"run-{run_id[:8]}-{word or 'step'}-{uuid4().hex[:8]}"

    def step_command(self, snapshot: PipelineSnapshotResponse, name: str) -> tuple[str, ...]:
        """The command that runs a step."""
        arguments = ReferenceStepEntrypoint.get_entrypoint_arguments(
            step_name=name, snapshot_id=snapshot.id
        )
        return (sys.executable, "-m", "zenml.entrypoints.entrypoint", *arguments)

    def module_command(
        self, module: str, snapshot: PipelineSnapshotResponse, run_id: str
    ) -> tuple[str, ...]:
        """The command that runs a module of the reference orchestrator."""
        package = __package__
        return (sys.executable, "-m", f"{package}.{module}", str(snapshot.id), run_id)

    def job_environment(self, environment: dict[str, str], run_id: str) -> dict[str, str]:
        """Add what ZenML leaves to orchestrators: the run id, and where local artifacts are."""
        return {**self.machine_environment(environment), RUN_ID_VARIABLE: run_id}

    def machine_environment(self, environment: dict[str, str]) -> dict[str, str]:
        """Add where local artifacts are, and that no `.zen` is to be looked for.

        All jobs would write the client's, in place (`zenml.client.Client.find_repository`).
        """
        path = str(GlobalConfiguration().local_stores_path)
        return {
            **environment,
            "ZENML_LOCAL_STORES_PATH": path,
            "ZENML_REPOSITORY_PATH": os.devnull,
        }

    def image(self, step: Step, snapshot: PipelineSnapshotResponse) -> str | None:
        """The image that a step's settings name."""
        image: str | None = getattr(self.get_settings(step), "image", None)
        return image

    def step_resources(self, step: Step, snapshot: PipelineSnapshotResponse) -> dict[str, Any]:
        """What a step asks for, in the backend's words."""
        if not self.requires_resources_in_orchestration_environment(step):
            return {}
        return self.resources(step.config.resource_settings)

    def resources(self, asked: ResourceSettings) -> dict[str, Any]:
        """What somebody asks for, in the backend's words."""
        return {"cpu": asked.cpu_count, "gpus": asked.gpu_count, "memory": self.memory(asked)}

    def memory(self, asked: ResourceSettings) -> int | None:
        """Bytes, exactly."""
        amount = asked.get_memory(unit="KB")
        return None if amount is None else math.ceil(round(amount * 1000, 3))

    # -- the coordinator --------------------------------------------------------------------

    def coordinate(self, snapshot: PipelineSnapshotResponse, run_id: str) -> None:
        """Walk the DAG: the whole life of a coordinator job."""
        from zenml_conformance.former_reference.coordinator import Walk

        Walk(self, snapshot, run_id).run()

    def environment_of(self, step: Step, stack: Stack) -> dict[str, str]:
        """Compute a step's environment where `step_environments` is not at hand."""
        environment, secrets = get_config_environment_vars()
        runtime = get_runtime_environment(config=step.config, stack=stack)
        return {**environment, **secrets, **runtime}

    def remember_job(self, run: PipelineRunResponse, name: str, job_id: str) -> None:
        """Note which job runs a step, for whoever comes after the coordinator."""
        publish_pipeline_run_metadata(run.id, {self.id: {f"{JOB_METADATA}.{name}": job_id}})

    def skips(self, name: str, run: PipelineRunResponse) -> bool:
        """Whether a step needs no run: client-side caching has recorded it already."""
        step = run.steps.get(name)
        return step is not None and step.status.is_successful

    # -- afterwards -------------------------------------------------------------------------

    def fetch_status(
        self, run: PipelineRunResponse, include_steps: bool = False
    ) -> tuple[ExecutionStatus | None, dict[str, ExecutionStatus] | None]:
        """Settle a run whose jobs have all ended; say nothing about any other."""
        jobs = self.jobs_of(run)
        over = all(self.backend.status(job_id).is_ended for job_id in jobs.values())
        if (run.status.is_finished and not run.in_progress) or not jobs or not over:
            return None, None
        if run.status in (ExecutionStatus.STOPPING, ExecutionStatus.STOPPED):
            self.stop(run).settle()
            return None, None
        assert run.snapshot is not None and run.orchestrator_run_id
        snapshot = Client().zen_store.get_snapshot(run.snapshot.id)
        self.settle_after(run.orchestrator_run_id, snapshot)
        settled = Client().zen_store.get_run(run.id)
        return (settled.status if settled.status.is_finished else None), None

    def stop(self, run: PipelineRunResponse) -> Stop:
        """Whoever stops a run."""
        return Stop(run.id, self)

    def _stop_run_forcefully(self, pipeline_run: PipelineRunResponse) -> None:
        """End a run's jobs."""
        self.stop(pipeline_run).forcefully()

    def _stop_run_gracefully(self, pipeline_run: PipelineRunResponse) -> None:
        """Let a run's running steps end."""
        self.stop(pipeline_run).gracefully()

    def jobs_of(self, run: PipelineRunResponse) -> dict[str, str]:
        """The jobs of a run, from its metadata alone."""
        jobs = dict(cast("dict[str, str]", run.run_metadata.get(JOB_METADATA) or {}))
        for key, value in run.run_metadata.items():
            if key.startswith(f"{JOB_METADATA}."):
                jobs[key.partition(".")[2]] = str(value)
        return jobs

    def fail_run(self, run: PipelineRunResponse) -> None:
        """Publish a failed run."""
        publish_failed_pipeline_run(run.id)

    def state_after(self, state: JobState, run: PipelineRunResponse, name: str) -> bool:
        """Whether a step whose job has ended counts as done: the store knows best."""
        step = run.steps.get(name)
        return step is not None and step.status.is_successful
