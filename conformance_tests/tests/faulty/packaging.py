"""Faults of packaging: classes that do not say what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml.orchestrators import ContainerizedOrchestrator

from faulty.fault import breaks
from zenml_conformance.reference.flavor import (
    ReferenceOrchestratorConfig,
    ReferenceOrchestratorFlavor,
)
from zenml_conformance.reference.orchestrator import ReferenceOrchestrator

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse


@breaks("PKG-1")
class NameWithAHyphen(ReferenceOrchestratorFlavor):
    """The name can't be a key of settings."""

    @property
    def name(self) -> str:
        """The flavor's name."""
        return "acme-cloud"


@breaks("PKG-4")
class DynamicStub(ReferenceOrchestrator):
    """Dynamic pipelines are declared, and raise."""

    def submit_dynamic_pipeline(self, *arguments: Any, **keywords: Any) -> Any:
        """Submit a dynamic pipeline."""
        raise NotImplementedError("not yet")


@breaks("PKG-4")
class StopStub(ReferenceOrchestrator):
    """Stopping is declared, and does nothing."""

    def _stop_run_forcefully(self, run: PipelineRunResponse) -> None:
        """Stop a run."""


@breaks("PKG-5")
class HereAndThere(ReferenceOrchestratorConfig):
    """It runs on this machine and on others."""

    @property
    def is_remote(self) -> bool:
        """Jobs run elsewhere."""
        return True


class _Remote(ReferenceOrchestratorConfig):
    @property
    def is_local(self) -> bool:
        """Jobs run elsewhere."""
        return False

    @property
    def is_remote(self) -> bool:
        """Jobs run elsewhere."""
        return True


class _Containers(ContainerizedOrchestrator, ReferenceOrchestrator):
    """Runs images, and does not say that it needs a registry for them."""


@breaks("PKG-5")
class NoRegistryRequired(ReferenceOrchestratorFlavor):
    """A remote orchestrator of images asks for no registry."""

    @property
    def config_class(self) -> type[ReferenceOrchestratorConfig]:
        """The configuration."""
        return _Remote

    @property
    def implementation_class(self) -> type[ReferenceOrchestrator]:
        """The orchestrator."""
        return _Containers
