"""Faults of dynamic pipelines: code that is lost, run twice, or never missed."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from zenml.client import Client

from faulty.fault import NATIVE_DAG, breaks, fake_backend
from faulty.identity import NotAnnounced
from zenml_conformance.core.job_factory import JobFactory
from zenml_conformance.core.jobs import Job, JobState
from zenml_conformance.core.monitoring import wait_until_ended
from zenml_conformance.core.reconciliation import Reconciliation
from zenml_conformance.core.resources import Resources
from zenml_conformance.core.run_id import RUN_ID_VARIABLE
from zenml_conformance.protocol import EngineError
from zenml_conformance.reference.orchestrator import ReferenceOrchestrator

if TYPE_CHECKING:
    from zenml.config.step_run_info import StepRunInfo
    from zenml.models import PipelineRunResponse, PipelineSnapshotResponse, StepRunResponse
    from zenml.orchestrators import SubmissionResult

    from zenml_conformance.core.topology import SubmittedJobs


@dataclass(frozen=True)
class RestartedJob(Job):
    """A job that the backend starts again when it has failed."""

    max_restarts: int = 2


def restarted(job: Job) -> RestartedJob:
    """Have the backend start a job again when it has failed."""
    fields: dict[str, Any] = vars(job)
    return RestartedJob(**fields)


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
class OrchestrationWithoutProject(JobFactory):
    """One variable of ZenML's is lost."""

    def orchestration(self, run_id: UUID, environment: Mapping[str, str]) -> Job:
        kept = {k: v for k, v in environment.items() if k != "ZENML_ACTIVE_PROJECT_ID"}
        return super().orchestration(run_id, kept)


@breaks("DYN-7", topologies=(NATIVE_DAG,))
class OrchestrationWithoutToken(JobFactory):
    """Only what is not secret is passed on."""

    def orchestration(self, run_id: UUID, environment: Mapping[str, str]) -> Job:
        kept = {k: v for k, v in environment.items() if "TOKEN" not in k}
        return super().orchestration(run_id, kept)


class RunLeftOut(JobFactory):
    """Does not tell the pipeline's code which run it belongs to."""

    def orchestration_command(self, run_id: UUID | None, image: str | None) -> tuple[str, ...]:
        return super().orchestration_command(None, image)


@breaks("DYN-1")
class RunNotPassed(RunLeftOut):
    """The pipeline's code is told neither its run nor an id that ZenML knows."""

    def orchestration(self, run_id: UUID, environment: Mapping[str, str]) -> Job:
        job = super().orchestration(run_id, environment)
        return replace(job, environment={**job.environment, RUN_ID_VARIABLE: str(uuid4())})


@breaks("DYN-1", topologies=(NATIVE_DAG,))
class NoCodeIsRun(JobFactory):
    """The orchestration job does nothing."""

    def orchestration_command(self, run_id: UUID | None, image: str | None) -> tuple[str, ...]:
        return ("true",)


@breaks("DYN-8")
class DynamicIdNotAnnounced(NotAnnounced):
    """ZenML hears of the id from the pipeline's code."""


@breaks("DYN-11")
class TokenInALabel(JobFactory):
    """The environment of the orchestration job is shown as labels."""

    def orchestration(self, run_id: UUID, environment: Mapping[str, str]) -> Job:
        job = super().orchestration(run_id, environment)
        return replace(job, labels={**job.labels, **job.environment})


@breaks("DYN-11", topologies=(NATIVE_DAG,))
class TokenOfAnIsolatedStep(JobFactory):
    """An isolated step is given its token on the command line."""

    def isolated_step(self, info: StepRunInfo, environment: Mapping[str, str]) -> Job:
        job = super().isolated_step(info, environment)
        if info.config.command is not None:
            return job
        token = job.environment["CONFORMANCE_STORE_TOKEN"]
        return replace(job, command=(*job.command, "--token", token))


@breaks("DYN-4")
class OwnResourcesIgnored(JobFactory):
    """What a pipeline asks for itself is not passed on."""

    def orchestration_resources(self) -> Resources:
        return Resources()


@breaks("DYN-4", topologies=(NATIVE_DAG,))
class OwnCpusRoundedDown(JobFactory):
    """A cpu and a half is one cpu."""

    def orchestration_resources(self) -> Resources:
        asked = super().orchestration_resources()
        return asked if asked.cpu is None else replace(asked, cpu=int(asked.cpu))


@breaks("DYN-2")
class EveryFailureIsTriedAgain(JobFactory):
    """The backend restarts the orchestration job, whatever its exit code."""

    def orchestration(self, run_id: UUID, environment: Mapping[str, str]) -> Job:
        return restarted(super().orchestration(run_id, environment))


@breaks("DYN-2", topologies=(NATIVE_DAG,))
class SubmittedAgainAfterAFailure(ReferenceOrchestrator):
    """The client submits a failed orchestration job again."""

    def wait_for(self, run_id: UUID, jobs: SubmittedJobs) -> None:
        super().wait_for(run_id, jobs)
        if self.backend.status(jobs.control) is JobState.FAILED:
            fake = fake_backend(self)
            records, _ = fake.jobs()
            job = next(record.job for record in records if record.id == jobs.control)
            wait_until_ended(self.backend, [fake.submit(job)])


@breaks("DYN-5")
class ANewIdForAnOldRun(ReferenceOrchestrator):
    """A run that goes on is taken for a new one."""

    def begin_run(
        self, snapshot: PipelineSnapshotResponse, placeholder_run: PipelineRunResponse | None
    ) -> tuple[PipelineRunResponse, str]:
        run_id = str(uuid4())
        return self.announce_run_id(run_id, snapshot, placeholder_run), run_id


@breaks("DYN-5", topologies=(NATIVE_DAG,), beside=(RunLeftOut,))
class ASecondRunForAnOldOne(ReferenceOrchestrator):
    """A run that goes on becomes another run, and nobody says so."""

    def begin_run(
        self, snapshot: PipelineSnapshotResponse, placeholder_run: PipelineRunResponse | None
    ) -> tuple[PipelineRunResponse, str]:
        run, run_id = super().begin_run(snapshot, placeholder_run)
        goes_on = placeholder_run and placeholder_run.orchestrator_run_id
        return run, str(uuid4()) if goes_on else run_id


@breaks("DYN-10")
class OneNameForARun(JobFactory):
    """The orchestration job is called by the run's id."""

    def orchestration(self, run_id: UUID, environment: Mapping[str, str]) -> Job:
        return replace(super().orchestration(run_id, environment), name=f"run-{self.run_id}")


@breaks("DYN-10", topologies=(NATIVE_DAG,))
class OneNameForAllAttempts(JobFactory):
    """The job of an isolated step is called by the run's id and the step's."""

    def isolated_step(self, info: StepRunInfo, environment: Mapping[str, str]) -> Job:
        name = f"run-{self.run_id}-{info.pipeline_step_name}".replace("_", "-")
        return replace(super().isolated_step(info, environment), name=name)


@breaks("DYN-3")
class DeadPipelinesRun(Reconciliation):
    """A refresh says of a dynamic run what its orchestration job said last."""

    def reconcile_run(self, reason: str, why: object = None) -> PipelineRunResponse:
        return Client().get_pipeline_run(self.run_id)


@breaks("DYN-3")
class InlineStepsLeftRunning(Reconciliation):
    """A refresh ends the run, and leaves its steps as they are."""

    def end_recorded_steps(self, run: PipelineRunResponse, failure: str | None) -> None:
        pass


@breaks("DYN-3", topologies=(NATIVE_DAG,))
class OnlyStepsAreRefreshed(Reconciliation):
    """A refresh ends the steps; the run would follow if it were static."""

    def fail_run(self, run: PipelineRunResponse, reason: str) -> PipelineRunResponse:
        return run


@breaks("RUNID-3")
class IdOfTheProcess(ReferenceOrchestrator):
    """The id is made when the process starts."""

    def get_orchestrator_run_id(self) -> str:
        return f"{super().get_orchestrator_run_id()}-{os.getpid()}"


@breaks("RUNID-3")
class IdOfTheStart(ReferenceOrchestrator):
    """The id tells when the process was started."""

    def get_orchestrator_run_id(self) -> str:
        os.environ.setdefault("STARTED", str(time.time_ns()))
        return super().get_orchestrator_run_id() + os.environ["STARTED"]


@breaks(
    "RUNID-3",
    "DYN-6",
    topologies=(NATIVE_DAG,),
    scenarios=("dynamic_restarted",),
    beside=(RunLeftOut,),
)
class ARestartIsAnotherRun(IdOfTheProcess):
    """The pipeline's code looks for its run by an id that nobody else knows."""


@breaks("DYN-6")
class StepsOfTheOldProcessLost(ReferenceOrchestrator):
    """Only the process that submitted an isolated step's job knows of it."""

    def register_isolated_step(self, info: StepRunInfo, job_id: str, log: str | None) -> None:
        self.__dict__.setdefault("isolated_jobs", {})[info.step_run_id] = job_id

    def isolated_job(self, step_run: StepRunResponse) -> str | None:
        job_id: str | None = self.__dict__.get("isolated_jobs", {}).get(step_run.id)
        return job_id
