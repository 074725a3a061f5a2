"""Faults of hooks: run too often, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faulty.fault import BOTH, NATIVE_DAG, breaks
from zenml_conformance.core.coordinator import Coordinator
from zenml_conformance.reference.orchestrator import ReferenceOrchestrator

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
class HooksTwice(Coordinator):
    """Hooks run around each step, and around the coordinator, too."""

    def walk(self) -> None:
        self.orchestrator.run_init_hook(self.snapshot)
        super().walk()
        self.orchestrator.run_cleanup_hook(self.snapshot)


@breaks("HOOK-1", scenarios=SCENARIOS, beside=(HooksTwice,))
class HooksOfTheCoordinator(HooksLeftToNobody):
    """Hooks run once, in the coordinator, where no step can use what they open."""


@breaks("HOOK-1", topologies=(NATIVE_DAG,), scenarios=SCENARIOS)
class NothingIsClosed(ReferenceOrchestrator):
    """What is opened at the beginning is never closed."""

    @classmethod
    def run_cleanup_hook(cls, snapshot: PipelineSnapshotResponse) -> None:
        pass
