"""Faults of records: metadata, artifacts, names, threads."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from zenml.config.global_config import GlobalConfiguration
from zenml.orchestrators import SubmissionResult

from faulty.fault import BOTH, NATIVE_DAG, breaks
from zenml_conformance.core.entrypoints import StepEntrypoint
from zenml_conformance.core.job_factory import JobFactory
from zenml_conformance.core.jobs import COORDINATOR
from zenml_conformance.reference.orchestrator import ReferenceOrchestrator

if TYPE_CHECKING:
    from zenml.metadata.metadata_types import MetadataType

    from zenml_conformance.core.jobs import Job


class ChangesMetadata(ReferenceOrchestrator):
    """Returns other metadata than it should."""

    def change(self, metadata: dict[str, MetadataType]) -> None:
        """Change it."""
        raise NotImplementedError

    def follow(self, *arguments: Any) -> SubmissionResult | None:
        result = super().follow(*arguments)
        assert result and result.metadata
        self.change(result.metadata)
        return result


@breaks("META-1", topologies=(NATIVE_DAG,))
class MetadataOfAnyKind(ChangesMetadata):
    """One value of the metadata is an object of the backend's client."""

    def change(self, metadata: dict[str, MetadataType]) -> None:
        metadata["handle"] = object()  # type: ignore[assignment]


@breaks("META-2", topologies=BOTH)
class NoHandle(ChangesMetadata):
    """Metadata says everything but what the backend calls the run."""

    def change(self, metadata: dict[str, MetadataType]) -> None:
        del metadata["orchestrator_run_id"]


@breaks("META-2", topologies=(NATIVE_DAG,))
class LinksAsText(ChangesMetadata):
    """A link is a text like any other."""

    def change(self, metadata: dict[str, MetadataType]) -> None:
        metadata["orchestrator_url"] = (
            f"https://acme.example/runs/{metadata['orchestrator_run_id']}"
        )


@breaks("META-3")
class MetadataOfTheClient(ReferenceOrchestrator):
    """The metadata hook asks for what only the submitting client has."""

    def get_pipeline_run_metadata(self, run_id: UUID) -> dict[str, Any]:
        return {"job": self.submitted}  # type: ignore[attr-defined]


@breaks("ART-1", topologies=BOTH)
class ArtifactsElsewhere(JobFactory):
    """Jobs keep local artifacts where the client does not look for them."""

    def environment(self, given: Mapping[str, str], image: str | None) -> dict[str, str]:
        elsewhere = Path(GlobalConfiguration().local_stores_path).with_name("elsewhere")
        return {**super().environment(given, image), "ZENML_LOCAL_STORES_PATH": str(elsewhere)}


@breaks("NAME-1", topologies=(NATIVE_DAG,))
class NamesCutToFit(JobFactory):
    """Names are cut at the length that the scheduler takes."""

    def name(self, what: str) -> str:
        return f"{self.run_id}-{what}"[:63]


@breaks("NAME-1", topologies=(NATIVE_DAG,))
class NamesOfOneRun(JobFactory):
    """Names are unlike each other within one run only."""

    def name(self, what: str) -> str:
        return what[-24:].replace("_", "-").strip("-")


@breaks("NAME-1", topologies=(NATIVE_DAG,))
class NamesWithThePipelines(JobFactory):
    """A pipeline's name is part of a job's, as it is."""

    def name(self, what: str) -> str:
        return f"{super().name(what)}-{self.snapshot.pipeline.name}"


@breaks("NAME-2", topologies=(NATIVE_DAG,))
class NamesOfTheSnapshot(JobFactory):
    """A step's job is called after what it runs, not after the run that it belongs to."""

    def step(self, name: str, environment: Mapping[str, str]) -> Job:
        digest = hashlib.sha256(f"{self.snapshot.id}{name}".encode()).hexdigest()[:16]
        return replace(super().step(name, environment), name=f"step-{digest}")


@breaks("NAME-2", scenarios=("fired_twice", "together"))
class CoordinatorsOfOneName(JobFactory):
    """The steps' jobs have names of their own; that of the coordinator is a constant."""

    def name(self, what: str) -> str:
        return "acme-coordinator" if what == COORDINATOR else super().name(what)


@breaks("HB-1")
class StepsInAThread(StepEntrypoint):
    """The main thread watches, and another runs the step."""

    def run(self) -> None:
        """Run the step."""
        thread = threading.Thread(target=super().run)
        thread.start()
        thread.join()


@breaks("LOG-1", topologies=BOTH)
class LogsOfItsOwn(JobFactory):
    """The backend keeps logs, so ZenML is told to keep none."""

    def environment(self, given: Mapping[str, str], image: str | None) -> dict[str, str]:
        off = {"ZENML_DISABLE_STEP_LOGS_STORAGE": "true"}
        return {**super().environment(given, image), **off}


@breaks("LOG-1")
class OutputRedirected(StepEntrypoint):
    """What a step prints goes to a file of the orchestrator's own."""

    def run(self) -> None:
        """Run the step."""
        with open("step.out", "w") as output, contextlib.redirect_stdout(output):
            super().run()
