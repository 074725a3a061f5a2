"""Faults of submission: what is taken, given back, swallowed and left behind."""

from __future__ import annotations

import contextlib
import functools
import os
import threading
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from zenml.client import Client
from zenml.enums import ExecutionStatus
from zenml.exceptions import RunMonitoringError
from zenml.orchestrators import BaseOrchestrator, SubmissionResult

from faulty.dead_steps import Silent
from faulty.fault import BOTH, NATIVE_DAG, breaks, sound
from zenml_conformance.core.coordinator import Coordinator, CoordinatorTopology
from zenml_conformance.core.monitoring import wait_until_ended
from zenml_conformance.core.native_dag import DagSubmission
from zenml_conformance.core.topology import SubmittedJobs
from zenml_conformance.protocol import EngineError
from zenml_conformance.reference.config import ReferenceOrchestratorConfig
from zenml_conformance.reference.orchestrator import ReferenceOrchestrator

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse, PipelineSnapshotResponse
    from zenml.stack import Stack

    from zenml_conformance.core.job_factory import JobFactory
    from zenml_conformance.core.jobs import Job


@breaks("SUB-1")
class ReturnsADictionary(ReferenceOrchestrator):
    """Submission gives back its metadata alone."""

    def submit_pipeline(self, *arguments: Any, **keywords: Any) -> Any:
        result = super().submit_pipeline(*arguments, **keywords)
        return result and result.metadata


@breaks("SUB-1")
class OldKeywords(ReferenceOrchestrator):
    """Submission has the signature that ZenML gave up."""

    def submit_pipeline(  # type: ignore[override]
        self, deployment: Any, stack: Any, environment: Any, placeholder_run: Any = None
    ) -> SubmissionResult | None:
        return super().submit_pipeline(deployment, stack, environment, {}, placeholder_run)


@breaks("SUB-1", scenarios=("diamond", "inspection"))
class SubmitsNothing(ReferenceOrchestrator):
    """No method of submission is there at all."""

    submit_pipeline = BaseOrchestrator.submit_pipeline


@breaks("SUB-1")
class RaisesAlways(ReferenceOrchestrator):
    """Submission itself is broken."""

    def submit_pipeline(self, *arguments: Any, **keywords: Any) -> SubmissionResult | None:
        raise KeyError("image")


@breaks("SUB-2", topologies=BOTH, scenarios=("rejected", "rejected_midway"))
class SwallowsTheRefusal(ReferenceOrchestrator):
    """A refusal is logged, and forgotten."""

    def submit_pipeline(self, *arguments: Any, **keywords: Any) -> SubmissionResult | None:
        try:
            return super().submit_pipeline(*arguments, **keywords)
        except EngineError:
            return None


@breaks("SUB-2", beside=(Silent,))
class RefusalCalledMonitoring(ReferenceOrchestrator):
    """A refusal is raised as if only the waiting had gone wrong."""

    def submit_pipeline(self, *arguments: Any, **keywords: Any) -> SubmissionResult | None:
        try:
            return super().submit_pipeline(*arguments, **keywords)
        except EngineError as error:
            raise RunMonitoringError(error) from error


@breaks("SUB-4", topologies=(NATIVE_DAG,), beside=(Silent,))
class LeavesHalfASubmission(DagSubmission):
    """What was submitted before a refusal stays in the backend."""

    def roll_back(self) -> None:
        pass


class _DiesOfARefusal(Coordinator):
    def submit(self, name: str, job: Job) -> None:
        """Submit a step."""
        try:
            super().submit(name, job)
        except EngineError as error:
            raise SystemExit(1) from error


@breaks("SUB-4", beside=(_DiesOfARefusal,))
class CoordinatorDiesOfARefusal(Silent):
    """A coordinator whose submission is refused dies, and nobody settles its run."""


class _DiesOfARefusalAtOnce(Coordinator):
    def submit(self, name: str, job: Job) -> None:
        """Submit a step."""
        try:
            super().submit(name, job)
        except EngineError:
            os._exit(1)


@breaks("SUB-4", beside=(_DiesOfARefusalAtOnce,))
class LeavesARefusalToARefresh(ReferenceOrchestrator):
    """A coordinator whose submission is refused dies, and only a refresh settles its run."""

    def wait_for(self, run_id: UUID, jobs: SubmittedJobs) -> None:
        wait_until_ended(self.backend, [jobs.control], watched=[*jobs.steps.values()])


@breaks("SUB-5")
class WaitsInside(ReferenceOrchestrator):
    """Submission returns when the run is over."""

    def follow(self, *arguments: Any) -> SubmissionResult | None:
        result = super().follow(*arguments)
        assert result and result.wait_for_completion
        result.wait_for_completion()
        return result


@breaks("SUB-5", topologies=(NATIVE_DAG,))
class WaitsForTheFirstStep(ReferenceOrchestrator):
    """Submission returns when the first step has ended."""

    def follow(
        self,
        snapshot: PipelineSnapshotResponse,
        run: PipelineRunResponse,
        run_id: str,
        jobs: SubmittedJobs,
        role: str,
    ) -> SubmissionResult | None:
        wait_until_ended(self.backend, [next(iter(jobs.steps.values()))])
        return super().follow(snapshot, run, run_id, jobs, role)


@breaks("SUB-6", scenarios=("failing", "killed"))
class WaitsForSuccess(ReferenceOrchestrator):
    """Only a completed run ends the waiting."""

    def wait_for(self, run_id: UUID, jobs: SubmittedJobs) -> None:
        while Client().get_pipeline_run(run_id).status is not ExecutionStatus.COMPLETED:
            time.sleep(0.2)


@breaks("SUB-6")
class RaisesAboutAFailedStep(ReferenceOrchestrator):
    """A failed run raises from the waiting."""

    def wait_for(self, run_id: UUID, jobs: SubmittedJobs) -> None:
        super().wait_for(run_id, jobs)
        if Client().get_pipeline_run(run_id).status is ExecutionStatus.FAILED:
            raise RuntimeError("the run failed")


@breaks("SUB-8")
class LeavesVariablesBehind(ReferenceOrchestrator):
    """The run id stays in the client's environment."""

    def follow(self, *arguments: Any) -> SubmissionResult | None:
        os.environ["ACME_RUN"] = str(arguments)
        return super().follow(*arguments)


@breaks("SUB-8", topologies=(NATIVE_DAG,))
class AddsToTheGivenDictionaries(ReferenceOrchestrator):
    """The run id is added to the dictionaries that ZenML passed in."""

    def submit_pipeline(self, *arguments: Any, **keywords: Any) -> SubmissionResult | None:
        for environment in keywords["step_environments"].values():
            environment["ACME"] = "1"
        return super().submit_pipeline(*arguments, **keywords)


@breaks("SUB-8")
class ChangesDirectory(ReferenceOrchestrator):
    """Submission leaves the client in another directory."""

    def follow(self, *arguments: Any) -> SubmissionResult | None:
        os.chdir("/")
        return super().follow(*arguments)


@breaks("CONC-1", topologies=(NATIVE_DAG,))
class RunIdOnSelf(ReferenceOrchestrator):
    """The run's id is kept on the instance, which both threads share."""

    def begin_run(
        self, snapshot: PipelineSnapshotResponse, placeholder_run: PipelineRunResponse | None
    ) -> tuple[PipelineRunResponse, str]:
        run, self.run_id = super().begin_run(snapshot, placeholder_run)
        time.sleep(2)  # Long enough for the other thread to come by.
        return run, self.run_id


@breaks("CONC-1")
class SnapshotOnSelf(ReferenceOrchestrator):
    """What is submitted is kept on the instance, which both threads share."""

    def new_run_id(
        self, snapshot: PipelineSnapshotResponse, placeholder_run: PipelineRunResponse | None
    ) -> str:
        self.snapshot = snapshot
        time.sleep(2)  # Long enough for the other thread to come by.
        return super().new_run_id(snapshot, placeholder_run)

    def job_factory(
        self, snapshot: PipelineSnapshotResponse, stack: Stack, run_id: str | None
    ) -> JobFactory:
        return super().job_factory(getattr(self, "snapshot", snapshot), stack, run_id)


class _Deprecated(ReferenceOrchestrator):
    """Submits by the method that ZenML has given up."""

    submit_pipeline = BaseOrchestrator.submit_pipeline

    def prepare_or_run_pipeline(
        self,
        deployment: PipelineSnapshotResponse,
        stack: Stack,
        environment: dict[str, str],
        placeholder_run: PipelineRunResponse | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Submit a pipeline and wait for its end."""
        environments = dict.fromkeys(deployment.step_configurations, environment)
        result = ReferenceOrchestrator.submit_pipeline(
            self, deployment, stack, environment, environments, placeholder_run
        )
        assert result and result.metadata and result.wait_for_completion
        yield result.metadata
        result.wait_for_completion()


@breaks(
    "SUB-9",
    topologies=BOTH,
    scenarios=("diamond", "inspection", "fired_twice", "together", "rejected", "failing"),
)
class DeprecatedAndRight(_Deprecated):
    """Submission is right in all else."""


@breaks("SUB-2", "SUB-9", scenarios=("rejected", "inspection"))
class DeprecatedAndSwallows(_Deprecated):
    """A refusal is logged, and forgotten, while ZenML asks for the next piece of metadata."""

    def prepare_or_run_pipeline(self, *arguments: Any, **keywords: Any) -> Iterator[dict[str, Any]]:
        """Submit a pipeline."""
        with contextlib.suppress(EngineError):
            yield from super().prepare_or_run_pipeline(*arguments, **keywords)


@breaks("SUB-1", scenarios=("diamond", "inspection"))
class DeprecatedAndNew(_Deprecated):
    """The old method has the new one's parameters."""

    def prepare_or_run_pipeline(
        self, snapshot: Any, stack: Any, environment: Any, placeholder_run: Any = None
    ) -> Iterator[dict[str, Any]]:
        """Submit a pipeline."""
        return super().prepare_or_run_pipeline(snapshot, stack, environment, placeholder_run)


class _NoCoordinator(CoordinatorTopology):
    def submit(
        self,
        factory: JobFactory,
        run: PipelineRunResponse,
        base_environment: Mapping[str, str],
        step_environments: Mapping[str, Mapping[str, str]],
    ) -> SubmittedJobs:
        """Submit what the client has to submit: nothing."""
        return SubmittedJobs(control="none")


@breaks("SUB-10", beside=(_NoCoordinator,))
class ClientDrives(ReferenceOrchestrator):
    """The client walks the DAG while it waits."""

    def wait_for(self, run_id: UUID, jobs: SubmittedJobs) -> None:
        run = Client().get_pipeline_run(run_id)
        assert run.snapshot and run.orchestrator_run_id
        snapshot = Client().get_snapshot(run.snapshot.id)
        Coordinator(self, snapshot, run, run.orchestrator_run_id).walk()


@breaks("SUB-10", topologies=(NATIVE_DAG,))
class SubmitsInAThread(ReferenceOrchestrator):
    """Submission returns at once, and a thread of the client's goes on with it."""

    def submit_pipeline(self, *arguments: Any, **keywords: Any) -> SubmissionResult | None:
        submit = functools.partial(super().submit_pipeline, *arguments, **keywords)
        thread = threading.Timer(1, submit)
        thread.start()
        return SubmissionResult(wait_for_completion=thread.join)


class _NotSynchronous(ReferenceOrchestratorConfig):
    synchronous: bool = False


@sound(
    topologies=BOTH,
    scenarios=("diamond", "inspection", "failing", "killed", "client_killed", "fired_twice"),
)
class Asynchronous(_NotSynchronous):
    """The client does not wait."""


@breaks("META-2", beside=(_NotSynchronous,))
class AsynchronousAndSilent(ReferenceOrchestrator):
    """The client does not wait, and so nothing is returned at all."""

    def follow(self, *arguments: Any) -> SubmissionResult | None:
        super().follow(*arguments)
        return None


@breaks("SUB-11")
class NeverWaits(ReferenceOrchestrator):
    """Its configuration says that it is synchronous, and its client goes on at once."""

    def is_synchronous(self, snapshot: PipelineSnapshotResponse) -> bool:
        del snapshot
        return False
