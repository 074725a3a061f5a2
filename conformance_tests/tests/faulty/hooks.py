"""Faults of hooks: run too often, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faulty.former import BOTH, NATIVE_DAG, breaks
from zenml_conformance.former_reference.orchestrator import ReferenceOrchestrator

if TYPE_CHECKING:
    from zenml.models import PipelineSnapshotResponse

SCENARIOS = ("failing", "inspection")


@breaks("HOOK-1", topologies=BOTH, scenarios=SCENARIOS)
class HooksLeftToNobody(ReferenceOrchestrator):
    """Hooks are declared to be run for the whole run, and nobody does."""

    @property
    def run_init_cleanup_at_step_level(self) -> bool:
        """Whether ZenML runs them around each step."""
        return False


@breaks("HOOK-1", scenarios=SCENARIOS)
class HooksOfTheCoordinator(HooksLeftToNobody):
    """Hooks run once, in the coordinator, where no step can use what they open."""

    def coordinate(self, snapshot: PipelineSnapshotResponse, run_id: str) -> None:
        self.run_init_hook(snapshot)
        super().coordinate(snapshot, run_id)
        self.run_cleanup_hook(snapshot)


@breaks("HOOK-1", scenarios=SCENARIOS)
class HooksTwice(ReferenceOrchestrator):
    """Hooks run around each step, and around the coordinator, too."""

    def coordinate(self, snapshot: PipelineSnapshotResponse, run_id: str) -> None:
        self.run_init_hook(snapshot)
        super().coordinate(snapshot, run_id)
        self.run_cleanup_hook(snapshot)


@breaks("HOOK-1", topologies=(NATIVE_DAG,), scenarios=SCENARIOS)
class NothingIsClosed(ReferenceOrchestrator):
    """What is opened at the beginning is never closed."""

    @classmethod
    def run_cleanup_hook(cls, snapshot: PipelineSnapshotResponse) -> None:
        pass
