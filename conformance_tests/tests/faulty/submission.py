"""Faults of submission: what is taken, given back, swallowed and left behind."""

from __future__ import annotations

import contextlib
import functools
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from zenml.client import Client
from zenml.enums import ExecutionStatus
from zenml.exceptions import RunMonitoringError
from zenml.orchestrators import BaseOrchestrator, SubmissionResult

from faulty.former import BOTH, NATIVE_DAG, breaks, sound
from zenml_conformance.engine.protocol import EngineError
from zenml_conformance.former_reference.flavor import (
    ReferenceOrchestratorConfig,
    ReferenceOrchestratorFlavor,
)
from zenml_conformance.former_reference.orchestrator import ReferenceOrchestrator
from zenml_conformance.former_reference.settlement import Settlement

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse, PipelineSnapshotResponse
    from zenml.stack import Stack


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


@breaks("SUB-2")
class RefusalCalledMonitoring(ReferenceOrchestrator):
    """A refusal is raised as if only the waiting had gone wrong."""

    def submit_pipeline(self, *arguments: Any, **keywords: Any) -> SubmissionResult | None:
        try:
            return super().submit_pipeline(*arguments, **keywords)
        except EngineError as error:
            raise RunMonitoringError(error) from error


@breaks("SUB-4", topologies=(NATIVE_DAG,))
class LeavesHalfASubmission(ReferenceOrchestrator):
    """What was submitted before a refusal stays in the backend."""

    def roll_back(self, job_ids: list[str]) -> None:
        pass


@breaks("SUB-4")
class CoordinatorDiesOfARefusal(Settlement):
    """A coordinator whose submission is refused dies, and nobody settles its run."""

    def settle_all(self) -> None:
        """Settle every step."""


@breaks("SUB-5")
class WaitsInside(ReferenceOrchestrator):
    """Submission returns when the run is over."""

    def result(
        self, run_id: str, jobs: dict[str, str], wait: Callable[[], None]
    ) -> SubmissionResult | None:
        result = super().result(run_id, jobs, wait)
        wait()
        return result


@breaks("SUB-5", topologies=(NATIVE_DAG,))
class WaitsForTheFirstStep(ReferenceOrchestrator):
    """Submission returns when the first step has ended."""

    def result(
        self, run_id: str, jobs: dict[str, str], wait: Callable[[], None]
    ) -> SubmissionResult | None:
        first = next(iter(jobs.values()))
        while not self.backend.status(first).is_ended:
            self.backend.wait_for_change([first], timeout=30)
        return super().result(run_id, jobs, wait)


@breaks("SUB-6", scenarios=("failing", "killed"))
class WaitsForSuccess(ReferenceOrchestrator):
    """Only a completed run ends the waiting."""

    def wait_for(self, job_id: str, run_id: str, snapshot: PipelineSnapshotResponse) -> None:
        settlement = self.settlement(run_id, snapshot)
        while (run := settlement.run()) and run.status is not ExecutionStatus.COMPLETED:
            time.sleep(0.2)


@breaks("SUB-6")
class RaisesAboutAFailedStep(ReferenceOrchestrator):
    """A failed run raises from the waiting."""

    def wait_for(self, job_id: str, run_id: str, snapshot: PipelineSnapshotResponse) -> None:
        super().wait_for(job_id, run_id, snapshot)
        run = self.settlement(run_id, snapshot).run()
        if run and run.status is ExecutionStatus.FAILED:
            raise RuntimeError("the run failed")


@breaks("SUB-8")
class LeavesVariablesBehind(ReferenceOrchestrator):
    """The run id stays in the client's environment."""

    def announce_run_id(self, run_id: str, placeholder: PipelineRunResponse | None) -> None:
        super().announce_run_id(run_id, placeholder)
        os.environ["ACME_RUN"] = run_id


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

    def announce_run_id(self, run_id: str, placeholder: PipelineRunResponse | None) -> None:
        super().announce_run_id(run_id, placeholder)
        os.chdir("/")


@breaks("CONC-1", topologies=(NATIVE_DAG,))
class RunIdOnSelf(ReferenceOrchestrator):
    """The run's id is kept on the instance, which both threads share."""

    def new_run_id(
        self, snapshot: PipelineSnapshotResponse, placeholder: PipelineRunResponse | None
    ) -> str:
        self.run_id = super().new_run_id(snapshot, placeholder)
        return self.run_id

    def announce_run_id(self, run_id: str, placeholder: PipelineRunResponse | None) -> None:
        super().announce_run_id(run_id, placeholder)
        time.sleep(2)  # Long enough for the other thread to come by.

    def job_environment(self, environment: dict[str, str], run_id: str) -> dict[str, str]:
        return super().job_environment(environment, self.run_id)


@breaks("CONC-1")
class SnapshotOnSelf(ReferenceOrchestrator):
    """What is submitted is kept on the instance, which both threads share."""

    def new_run_id(
        self, snapshot: PipelineSnapshotResponse, placeholder: PipelineRunResponse | None
    ) -> str:
        self.snapshot = snapshot
        time.sleep(2)  # Long enough for the other thread to come by.
        return super().new_run_id(snapshot, placeholder)

    def submit_coordinator(self, snapshot: PipelineSnapshotResponse, *arguments: Any) -> str:
        return super().submit_coordinator(self.snapshot, *arguments)


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


@breaks("SUB-10")
class ClientDrives(ReferenceOrchestrator):
    """The client walks the DAG while it waits."""

    def submit_coordinator(self, *arguments: Any) -> str:
        return "none"

    def wait_for(self, job_id: str, run_id: str, snapshot: PipelineSnapshotResponse) -> None:
        self.coordinate(Client().zen_store.get_snapshot(snapshot.id), run_id)


@breaks("SUB-10", topologies=(NATIVE_DAG,))
class SubmitsInAThread(ReferenceOrchestrator):
    """Submission returns at once, and a thread of the client's goes on with it."""

    def submit_pipeline(self, *arguments: Any, **keywords: Any) -> SubmissionResult | None:
        submit = functools.partial(super().submit_pipeline, *arguments, **keywords)
        thread = threading.Timer(1, submit)
        thread.start()
        return SubmissionResult(wait_for_completion=thread.join)


class _Asynchronous(ReferenceOrchestratorConfig):
    synchronous: bool = False


@sound(
    topologies=BOTH,
    scenarios=("diamond", "inspection", "failing", "killed", "client_killed", "fired_twice"),
)
class Asynchronous(_Asynchronous):
    """The client does not wait."""


class _NothingToWaitFor(ReferenceOrchestrator):
    def result(
        self, run_id: str, jobs: dict[str, str], wait: Callable[[], None]
    ) -> SubmissionResult | None:
        return super().result(run_id, jobs, wait) if self.config.synchronous else None


@breaks("META-2")
class AsynchronousAndSilent(ReferenceOrchestratorFlavor):
    """The client does not wait, and so nothing is returned at all."""

    @property
    def config_class(self) -> type[ReferenceOrchestratorConfig]:
        """The configuration."""
        return _Asynchronous

    @property
    def implementation_class(self) -> type[ReferenceOrchestrator]:
        """The orchestrator."""
        return _NothingToWaitFor
