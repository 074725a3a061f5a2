"""Faults of identity: what makes ZenML see two runs as one, or one as two."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from zenml.client import Client

from faulty.fault import BOTH, NATIVE_DAG, breaks
from zenml_conformance.core.entrypoints import StepEntrypoint
from zenml_conformance.core.job_factory import JobFactory
from zenml_conformance.core.run_id import RUN_ID_VARIABLE
from zenml_conformance.reference.orchestrator import ReferenceOrchestrator

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse, PipelineSnapshotResponse

    from zenml_conformance.core.jobs import Job


@breaks("RUNID-1", "RUNID-5", scenarios=("diamond", "inspection"))
class IdPerCall(ReferenceOrchestrator):
    """Every call gives another id."""

    def get_orchestrator_run_id(self) -> str:
        return str(uuid4())


@breaks("RUNID-1", topologies=BOTH, beside=(StepEntrypoint,))
class IdPerJob(JobFactory):
    """Every job of a step is given an id of its own."""

    def step(self, name: str, environment: Mapping[str, str]) -> Job:
        job = super().step(name, environment)
        return replace(job, environment={**job.environment, RUN_ID_VARIABLE: str(uuid4())})


@breaks("RUNID-1")
class IdLostByOneStep(JobFactory):
    """One step of four has another id than the rest."""

    def environment(self, given: Mapping[str, str], image: str | None) -> dict[str, str]:
        own = {RUN_ID_VARIABLE: str(uuid4())} if given.get("CONFORMANCE_OWN") == "meet_2" else {}
        return {**super().environment(given, image), **own}


@breaks("RUNID-5", scenarios=("diamond", "inspection"))
class IdInventedOutside(ReferenceOrchestrator):
    """Where the variable is missing, an id is made up."""

    def get_orchestrator_run_id(self) -> str:
        return os.environ.get(RUN_ID_VARIABLE) or str(uuid4())


@breaks("RUNID-2", topologies=BOTH)
class IdFromSnapshot(ReferenceOrchestrator):
    """The id says what is run, not which run it is."""

    def new_run_id(
        self, snapshot: PipelineSnapshotResponse, placeholder_run: PipelineRunResponse | None
    ) -> str:
        return str(snapshot.id)


@breaks("RUNID-2")
class IdOfTheFirstFiring(ReferenceOrchestrator):
    """A snapshot that has run before gets the id that it had then."""

    def new_run_id(
        self, snapshot: PipelineSnapshotResponse, placeholder_run: PipelineRunResponse | None
    ) -> str:
        earlier = Client().list_pipeline_runs(snapshot_id=snapshot.id, status="completed")
        known = [run.orchestrator_run_id for run in earlier.items if run.orchestrator_run_id]
        return known[0] if known else super().new_run_id(snapshot, placeholder_run)


@breaks("RUNID-2", scenarios=("fired_twice", "together"))
class ConstantId(ReferenceOrchestrator):
    """The id is the same for everything."""

    def new_run_id(
        self, snapshot: PipelineSnapshotResponse, placeholder_run: PipelineRunResponse | None
    ) -> str:
        return "acme"


class NotAnnounced(ReferenceOrchestrator):
    """ZenML hears of the id from the first step. Control jobs find the run by ZenML's own id."""

    def announce_run_id(
        self,
        run_id: str,
        snapshot: PipelineSnapshotResponse,
        placeholder_run: PipelineRunResponse | None,
    ) -> PipelineRunResponse:
        assert placeholder_run
        return placeholder_run

    def find_run(self, snapshot_id: UUID, run_id: str) -> PipelineRunResponse:
        return Client().get_pipeline_run(UUID(run_id[:36]))


@breaks("RUNID-2", "RUNID-6", topologies=(NATIVE_DAG,))
class ConstantIdFoundByTheSteps(NotAnnounced):
    """The id is the same for everything, and nobody notices before the steps collide."""

    def new_run_id(
        self, snapshot: PipelineSnapshotResponse, placeholder_run: PipelineRunResponse | None
    ) -> str:
        return "acme"

    find_run = ReferenceOrchestrator.find_run


@breaks("RUNID-4")
class IdTooLong(ReferenceOrchestrator):
    """The id has 300 characters."""

    def new_run_id(
        self, snapshot: PipelineSnapshotResponse, placeholder_run: PipelineRunResponse | None
    ) -> str:
        return super().new_run_id(snapshot, placeholder_run).ljust(300, "x")


@breaks("RUNID-4", topologies=(NATIVE_DAG,))
class IdTooLongFoundByTheSteps(IdTooLong, NotAnnounced):
    """The id has 300 characters, and ZenML first sees it in a step."""


@breaks("RUNID-4", scenarios=("diamond", "hostile_names"))
class IdWithThePipelinesName(ReferenceOrchestrator):
    """The id begins with the pipeline's name, which may have 200 characters itself."""

    def new_run_id(
        self, snapshot: PipelineSnapshotResponse, placeholder_run: PipelineRunResponse | None
    ) -> str:
        unique = super().new_run_id(snapshot, placeholder_run)
        return f"{snapshot.pipeline.name}-{snapshot.id}-{unique}"


@breaks("RUNID-4")
class IdBlank(ReferenceOrchestrator):
    """The id is a space."""

    def new_run_id(
        self, snapshot: PipelineSnapshotResponse, placeholder_run: PipelineRunResponse | None
    ) -> str:
        return " "


@breaks("RUNID-6", topologies=BOTH)
class IdNotAnnounced(NotAnnounced):
    """ZenML hears of the id from the first step."""
