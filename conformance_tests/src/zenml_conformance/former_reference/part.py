"""What the parts of the reference orchestrator have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from zenml.orchestrators import BaseOrchestrator

if TYPE_CHECKING:
    from zenml_conformance.former_reference.orchestrator import ReferenceOrchestrator


class Part(BaseOrchestrator):
    """One thing that the reference orchestrator does, in a module of its own."""

    @property
    def whole(self) -> ReferenceOrchestrator:
        """The orchestrator that this is a part of."""
        return cast("ReferenceOrchestrator", self)
