"""Faults of dynamic pipelines: code that is lost, run twice, or never missed."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from zenml.enums import ExecutionStatus

from faulty.former import NATIVE_DAG, breaks
from zenml_conformance.engine.protocol import EngineError
from zenml_conformance.fake_backend.jobs import Job, JobState
from zenml_conformance.former_reference.orchestrator import RUN_ID_VARIABLE, ReferenceOrchestrator

if TYPE_CHECKING:
    from zenml.config.resource_settings import ResourceSettings
    from zenml.models import PipelineRunResponse, PipelineSnapshotResponse, StepRunResponse
    from zenml.orchestrators import SubmissionResult


@breaks("DYN-9")
class DynamicRefusalSwallowed(ReferenceOrchestrator):
    """A refused orchestration job is logged and forgotten."""

    def submit_dynamic_pipeline(self, *args: Any, **kwargs: Any) -> SubmissionResult | None:
        """Submit a dynamic pipeline."""
        try:
            return super().submit_dynamic_pipeline(*args, **kwargs)
        except EngineError:
            return None


@breaks("DYN-7")
class OrchestrationWithoutProject(ReferenceOrchestrator):
    """One variable of ZenML's is lost."""

    def orchestration_environment(self, environment: dict[str, str], run_id: str) -> dict[str, str]:
        kept = {k: v for k, v in environment.items() if k != "ZENML_ACTIVE_PROJECT_ID"}
        return super().orchestration_environment(kept, run_id)


@breaks("DYN-7", topologies=(NATIVE_DAG,))
class OrchestrationWithoutToken(ReferenceOrchestrator):
    """Only what is not secret is passed on."""

    def orchestration_environment(self, environment: dict[str, str], run_id: str) -> dict[str, str]:
        kept = {k: v for k, v in environment.items() if "TOKEN" not in k}
        return super().orchestration_environment(kept, run_id)


@breaks("DYN-1")
class RunNotPassed(ReferenceOrchestrator):
    """The pipeline's code is told neither its run nor an id that ZenML knows."""

    def orchestration_command(
        self, snapshot: PipelineSnapshotResponse, run: PipelineRunResponse | None
    ) -> tuple[str, ...]:
        return super().orchestration_command(snapshot, None)

    def orchestration_environment(self, environment: dict[str, str], run_id: str) -> dict[str, str]:
        return super().orchestration_environment(environment, str(uuid4()))


@breaks("DYN-1", topologies=(NATIVE_DAG,))
class NoCodeIsRun(ReferenceOrchestrator):
    """The orchestration job does nothing."""

    def orchestration_command(
        self, snapshot: PipelineSnapshotResponse, run: PipelineRunResponse | None
    ) -> tuple[str, ...]:
        return ("true",)


@breaks("DYN-8")
class DynamicIdNotAnnounced(ReferenceOrchestrator):
    """ZenML hears of the id from the pipeline's code."""

    def announce_run_id(self, run_id: str, placeholder: PipelineRunResponse | None) -> None:
        pass


@breaks("DYN-11")
class TokenInALabel(ReferenceOrchestrator):
    """The environment of the orchestration job is shown as labels."""

    def orchestration_job(self, *arguments: Any) -> Job:
        job = super().orchestration_job(*arguments)
        return job.model_copy(update={"labels": {**job.labels, **job.environment}})


@breaks("DYN-11", topologies=(NATIVE_DAG,))
class TokenOfAnIsolatedStep(ReferenceOrchestrator):
    """An isolated step is given its token on the command line."""

    def isolated_job(self, *arguments: Any) -> Job:
        job = super().isolated_job(*arguments)
        if job.step is None:
            return job
        token = job.environment["CONFORMANCE_STORE_TOKEN"]
        return job.model_copy(update={"command": (*job.command, "--token", token)})


@breaks("DYN-4")
class OwnResourcesIgnored(ReferenceOrchestrator):
    """What a pipeline asks for itself is not passed on."""

    def orchestration_resources(self, snapshot: PipelineSnapshotResponse) -> dict[str, Any]:
        return {}


@breaks("DYN-4", topologies=(NATIVE_DAG,))
class OwnCpusRoundedDown(ReferenceOrchestrator):
    """A cpu and a half is one cpu."""

    def resources(self, asked: ResourceSettings) -> dict[str, Any]:
        mapped = super().resources(asked)
        return {**mapped, "cpu": mapped["cpu"] and int(mapped["cpu"])}


@breaks("DYN-2")
class EveryFailureIsTriedAgain(ReferenceOrchestrator):
    """The backend restarts the orchestration job, whatever its exit code."""

    def orchestration_job(self, *arguments: Any) -> Job:
        return super().orchestration_job(*arguments).model_copy(update={"max_restarts": 2})


@breaks("DYN-2", topologies=(NATIVE_DAG,))
class SubmittedAgainAfterAFailure(ReferenceOrchestrator):
    """The client submits a failed orchestration job again."""

    def wait_for(self, job_id: str, run_id: str, snapshot: PipelineSnapshotResponse) -> None:
        super().wait_for(job_id, run_id, snapshot)
        if self.backend.status(job_id) is JobState.FAILED:
            records, _ = self.backend.jobs()
            job = next(record.job for record in records if record.id == job_id)
            super().wait_for(self.backend.submit(job), run_id, snapshot)


@breaks("DYN-5")
class ANewIdForAnOldRun(ReferenceOrchestrator):
    """A run that goes on is taken for a new one."""

    def dynamic_run_id(
        self, snapshot: PipelineSnapshotResponse, placeholder: PipelineRunResponse | None
    ) -> str:
        run_id = str(uuid4())
        self.announce_run_id(run_id, placeholder)
        return run_id


@breaks("DYN-5", topologies=(NATIVE_DAG,))
class ASecondRunForAnOldOne(ReferenceOrchestrator):
    """A run that goes on becomes another run, and nobody says so."""

    def dynamic_run_id(
        self, snapshot: PipelineSnapshotResponse, placeholder: PipelineRunResponse | None
    ) -> str:
        if placeholder and placeholder.orchestrator_run_id:
            return str(uuid4())
        return super().dynamic_run_id(snapshot, placeholder)

    def orchestration_command(
        self, snapshot: PipelineSnapshotResponse, run: PipelineRunResponse | None
    ) -> tuple[str, ...]:
        return super().orchestration_command(snapshot, None)


@breaks("DYN-10")
class OneNameForARun(ReferenceOrchestrator):
    """The orchestration job is called by the run's id."""

    def orchestration_job_name(self, run_id: str) -> str:
        return f"run-{run_id}"


@breaks("DYN-10", topologies=(NATIVE_DAG,))
class OneNameForAllAttempts(ReferenceOrchestrator):
    """The job of an isolated step is called by the run's id and the step's."""

    def isolated_job_name(self, info: Any, run_id: str) -> str:
        return f"run-{run_id}-{info.pipeline_step_name}".replace("_", "-")


@breaks("DYN-3")
class DeadPipelinesRun(ReferenceOrchestrator):
    """A refresh says of a dynamic run what its orchestration job said last."""

    def settle_dynamic(self, run_id: str, snapshot: PipelineSnapshotResponse) -> None:
        pass


@breaks("DYN-3")
class InlineStepsLeftRunning(ReferenceOrchestrator):
    """A refresh ends the run, and leaves its steps as they are."""

    def settle_step_of_dead_run(self, step: StepRunResponse) -> None:
        pass


@breaks("DYN-3", topologies=(NATIVE_DAG,))
class OnlyStepsAreRefreshed(ReferenceOrchestrator):
    """A refresh ends the steps; the run would follow if it were static."""

    def fail_run(self, run: PipelineRunResponse) -> None:
        pass

    def fetch_status(
        self, run: PipelineRunResponse, include_steps: bool = False
    ) -> tuple[ExecutionStatus | None, dict[str, ExecutionStatus] | None]:
        super().fetch_status(run, include_steps)
        return None, None


@breaks("RUNID-3")
class IdOfTheProcess(ReferenceOrchestrator):
    """The id is made when the process starts."""

    def get_orchestrator_run_id(self) -> str:
        super().get_orchestrator_run_id()
        return f"{os.environ[RUN_ID_VARIABLE]}-{os.getpid()}"


@breaks("RUNID-3")
class IdOfTheStart(ReferenceOrchestrator):
    """The id tells when the process was started."""

    def get_orchestrator_run_id(self) -> str:
        os.environ.setdefault("STARTED", str(time.time_ns()))
        return super().get_orchestrator_run_id() + os.environ["STARTED"]


@breaks("RUNID-3", "DYN-6", topologies=(NATIVE_DAG,), scenarios=("dynamic_restarted",))
class ARestartIsAnotherRun(IdOfTheProcess):
    """The pipeline's code looks for its run by an id that nobody else knows."""

    def orchestration_command(
        self, snapshot: PipelineSnapshotResponse, run: PipelineRunResponse | None
    ) -> tuple[str, ...]:
        return super().orchestration_command(snapshot, None)


@breaks("DYN-6")
class StepsOfTheOldProcessLost(ReferenceOrchestrator):
    """Only the process that submitted an isolated step's job knows of it."""

    def remember_isolated_job(self, step_run: StepRunResponse, job_id: str) -> None:
        self.__dict__.setdefault("isolated_jobs", {})[step_run.id] = job_id

    def isolated_job_id(self, step_run: StepRunResponse) -> str | None:
        job_id: str | None = self.__dict__.get("isolated_jobs", {}).get(step_run.id)
        return job_id
