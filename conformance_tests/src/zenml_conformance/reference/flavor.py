"""The flavor of the reference orchestrator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.orchestrators import BaseOrchestratorConfig, BaseOrchestratorFlavor

from zenml_conformance.reference.config import ReferenceOrchestratorConfig

if TYPE_CHECKING:
    from zenml.orchestrators import BaseOrchestrator


class ReferenceOrchestratorFlavor(BaseOrchestratorFlavor):
    """The orchestrator that the suite must find nothing wrong with."""

    @property
    def name(self) -> str:
        """The flavor's name."""
        return "reference"

    @property
    def config_class(self) -> type[BaseOrchestratorConfig]:
        """The configuration."""
        return ReferenceOrchestratorConfig

    @property
    def implementation_class(self) -> type[BaseOrchestrator]:
        """The orchestrator."""
        from zenml_conformance.reference.orchestrator import ReferenceOrchestrator

        return ReferenceOrchestrator
