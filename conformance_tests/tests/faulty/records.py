"""Faults of records: metadata, artifacts, names, threads."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from zenml.orchestrators import SubmissionResult

from faulty.former import BOTH, NATIVE_DAG, breaks
from zenml_conformance.fake_backend.jobs import Job
from zenml_conformance.former_reference.entrypoint import ReferenceStepEntrypoint
from zenml_conformance.former_reference.orchestrator import RUN_ID_VARIABLE, ReferenceOrchestrator

if TYPE_CHECKING:
    from zenml.models import PipelineSnapshotResponse


@breaks("META-1", topologies=(NATIVE_DAG,))
class MetadataOfAnyKind(ReferenceOrchestrator):
    """One value of the metadata is an object of the backend's client."""

    def result(
        self, run_id: str, jobs: dict[str, str], wait: Callable[[], None]
    ) -> SubmissionResult | None:
        result = super().result(run_id, jobs, wait)
        assert result and result.metadata
        result.metadata["handle"] = object()  # type: ignore[assignment]
        return result


@breaks("META-2", topologies=BOTH)
class NoHandle(ReferenceOrchestrator):
    """Metadata says everything but what the backend calls the run."""

    def result(
        self, run_id: str, jobs: dict[str, str], wait: Callable[[], None]
    ) -> SubmissionResult | None:
        result = super().result(run_id, jobs, wait)
        assert result and result.metadata
        del result.metadata["orchestrator_run_id"]
        return result


@breaks("META-2", topologies=(NATIVE_DAG,))
class LinksAsText(ReferenceOrchestrator):
    """A link is a text like any other."""

    def result(
        self, run_id: str, jobs: dict[str, str], wait: Callable[[], None]
    ) -> SubmissionResult | None:
        result = super().result(run_id, jobs, wait)
        assert result and result.metadata
        result.metadata["orchestrator_url"] = f"https://acme.example/runs/{run_id}"
        return result


@breaks("META-3")
class MetadataOfTheClient(ReferenceOrchestrator):
    """The metadata hook asks for what only the submitting client has."""

    def get_pipeline_run_metadata(self, run_id: UUID) -> dict[str, Any]:
        return {"job": self.submitted}  # type: ignore[attr-defined]


@breaks("ART-1", topologies=BOTH)
class ArtifactsElsewhere(ReferenceOrchestrator):
    """Jobs keep local artifacts where their own home is."""

    def job_environment(self, environment: dict[str, str], run_id: str) -> dict[str, str]:
        return {**environment, RUN_ID_VARIABLE: run_id}


@breaks("NAME-1", topologies=(NATIVE_DAG,))
class NamesCutToFit(ReferenceOrchestrator):
    """Names are cut at the length that the scheduler takes."""

    def job_name(self, run_id: str, what: str) -> str:
        return f"{run_id}-{what}"[:63]


@breaks("NAME-1", topologies=(NATIVE_DAG,))
class NamesOfOneRun(ReferenceOrchestrator):
    """Names are unlike each other within one run only."""

    def job_name(self, run_id: str, what: str) -> str:
        return f"{what[-24:].replace('_', '-').strip('-')}"


@breaks("NAME-1", topologies=(NATIVE_DAG,))
class NamesWithThePipelines(ReferenceOrchestrator):
    """A pipeline's name is part of a job's, as it is."""

    def step_job(self, snapshot: PipelineSnapshotResponse, *arguments: Any) -> Job:
        job = super().step_job(snapshot, *arguments)
        return job.model_copy(update={"name": f"{job.name}-{snapshot.pipeline.name}"})


@breaks("NAME-2", topologies=(NATIVE_DAG,))
class NamesOfTheSnapshot(ReferenceOrchestrator):
    """A step's job is called after what it runs, not after the run that it belongs to."""

    def step_job(self, snapshot: PipelineSnapshotResponse, name: str, *arguments: Any) -> Job:
        job = super().step_job(snapshot, name, *arguments)
        digest = hashlib.sha256(f"{snapshot.id}{name}".encode()).hexdigest()[:16]
        return job.model_copy(update={"name": f"step-{digest}"})


@breaks("NAME-2", scenarios=("fired_twice", "together"))
class CoordinatorsOfOneName(ReferenceOrchestrator):
    """The steps' jobs have names of their own; that of the coordinator is a constant."""

    def job_name(self, run_id: str, what: str) -> str:
        return "acme-coordinator" if what == "coordinator" else super().job_name(run_id, what)


@breaks("HB-1")
class StepsInAThread(ReferenceStepEntrypoint):
    """The main thread watches, and another runs the step."""

    def run(self) -> None:
        """Run the step."""
        thread = threading.Thread(target=super().run)
        thread.start()
        thread.join()


@breaks("LOG-1", topologies=BOTH)
class LogsOfItsOwn(ReferenceOrchestrator):
    """The backend keeps logs, so ZenML is told to keep none."""

    def job_environment(self, environment: dict[str, str], run_id: str) -> dict[str, str]:
        off = {"ZENML_DISABLE_STEP_LOGS_STORAGE": "true"}
        return {**super().job_environment(environment, run_id), **off}


@breaks("LOG-1")
class OutputRedirected(ReferenceStepEntrypoint):
    """What a step prints goes to a file of the orchestrator's own."""

    def run(self) -> None:
        """Run the step."""
        with open("step.out", "w") as output, contextlib.redirect_stdout(output):
            super().run()
