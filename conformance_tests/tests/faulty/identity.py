"""Faults of identity: what makes ZenML see two runs as one, or one as two."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from uuid import uuid4

from zenml.client import Client

from faulty.former import BOTH, NATIVE_DAG, breaks
from zenml_conformance.former_reference.orchestrator import RUN_ID_VARIABLE, ReferenceOrchestrator

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse, PipelineSnapshotResponse


@breaks("RUNID-1", "RUNID-5", scenarios=("diamond", "inspection"))
class IdPerCall(ReferenceOrchestrator):
    """Every call gives another id."""

    def get_orchestrator_run_id(self) -> str:
        return str(uuid4())


@breaks("RUNID-1", topologies=BOTH)
class IdPerJob(ReferenceOrchestrator):
    """Every job is given an id of its own."""

    def job_environment(self, environment: dict[str, str], run_id: str) -> dict[str, str]:
        return {**super().job_environment(environment, run_id), RUN_ID_VARIABLE: str(uuid4())}


@breaks("RUNID-1")
class IdLostByOneStep(ReferenceOrchestrator):
    """One step of four has another id than the rest."""

    def job_environment(self, environment: dict[str, str], run_id: str) -> dict[str, str]:
        is_second_meet = environment.get("CONFORMANCE_OWN") == "meet_2"
        return super().job_environment(environment, str(uuid4()) if is_second_meet else run_id)


@breaks("RUNID-5", scenarios=("diamond", "inspection"))
class IdInventedOutside(ReferenceOrchestrator):
    """Where the variable is missing, an id is made up."""

    def get_orchestrator_run_id(self) -> str:
        return os.environ.get(RUN_ID_VARIABLE) or str(uuid4())


@breaks("RUNID-2", topologies=BOTH)
class IdFromSnapshot(ReferenceOrchestrator):
    """The id says what is run, not which run it is."""

    def new_run_id(
        self, snapshot: PipelineSnapshotResponse, placeholder: PipelineRunResponse | None
    ) -> str:
        return str(snapshot.id)


@breaks("RUNID-2")
class IdOfTheFirstFiring(ReferenceOrchestrator):
    """A snapshot that has run before gets the id that it had then."""

    def new_run_id(
        self, snapshot: PipelineSnapshotResponse, placeholder: PipelineRunResponse | None
    ) -> str:
        earlier = Client().list_pipeline_runs(snapshot_id=snapshot.id, status="completed")
        known = [run.orchestrator_run_id for run in earlier.items if run.orchestrator_run_id]
        return known[0] if known else super().new_run_id(snapshot, placeholder)


@breaks("RUNID-2", scenarios=("fired_twice", "together"))
class ConstantId(ReferenceOrchestrator):
    """The id is the same for everything."""

    def new_run_id(
        self, snapshot: PipelineSnapshotResponse, placeholder: PipelineRunResponse | None
    ) -> str:
        return "acme"


@breaks("RUNID-2", "RUNID-6", topologies=(NATIVE_DAG,))
class ConstantIdFoundByTheSteps(ReferenceOrchestrator):
    """The id is the same for everything, and nobody notices before the steps collide."""

    def new_run_id(
        self, snapshot: PipelineSnapshotResponse, placeholder: PipelineRunResponse | None
    ) -> str:
        return "acme"

    def announce_run_id(self, run_id: str, placeholder: PipelineRunResponse | None) -> None:
        pass


@breaks("RUNID-4")
class IdTooLong(ReferenceOrchestrator):
    """The id has 300 characters."""

    def new_run_id(
        self, snapshot: PipelineSnapshotResponse, placeholder: PipelineRunResponse | None
    ) -> str:
        return super().new_run_id(snapshot, placeholder).ljust(300, "x")


@breaks("RUNID-4", topologies=(NATIVE_DAG,))
class IdTooLongFoundByTheSteps(IdTooLong):
    """The id has 300 characters, and ZenML first sees it in a step."""

    def announce_run_id(self, run_id: str, placeholder: PipelineRunResponse | None) -> None:
        pass


@breaks("RUNID-4", scenarios=("diamond", "hostile_names"))
class IdWithThePipelinesName(ReferenceOrchestrator):
    """The id begins with the pipeline's name, which may have 200 characters itself."""

    def new_run_id(
        self, snapshot: PipelineSnapshotResponse, placeholder: PipelineRunResponse | None
    ) -> str:
        unique = super().new_run_id(snapshot, placeholder)
        return f"{snapshot.pipeline.name}-{snapshot.id}-{unique}"


@breaks("RUNID-4")
class IdBlank(ReferenceOrchestrator):
    """The id is a space."""

    def new_run_id(
        self, snapshot: PipelineSnapshotResponse, placeholder: PipelineRunResponse | None
    ) -> str:
        return " "


@breaks("RUNID-6", topologies=BOTH)
class IdNotAnnounced(ReferenceOrchestrator):
    """ZenML hears of the id from the first step."""

    def announce_run_id(self, run_id: str, placeholder: PipelineRunResponse | None) -> None:
        pass
