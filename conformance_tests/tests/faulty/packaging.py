"""Faults of packaging: classes that do not say what they are."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator
from zenml.orchestrators import ContainerizedOrchestrator

from faulty.fault import breaks
from zenml_conformance.reference.config import ReferenceOrchestratorConfig
from zenml_conformance.reference.flavor import ReferenceOrchestratorFlavor
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


@breaks("PKG-2", scenarios=("cold_import",))
class EverythingAtOnce(ReferenceOrchestratorFlavor):
    """The module of the flavor imports the orchestrator."""


class _Drifting(ReferenceOrchestratorConfig):
    pool: str = "default"

    @field_validator("pool")
    @classmethod
    def _qualify(cls, pool: str) -> str:
        return f"acme/{pool}"


@breaks("PKG-6")
class ValidatorAddsEachTime(_Drifting):
    """A validator adds a prefix, also to what it has given one before."""


@breaks("PKG-6")
class FieldKeptBack(ReferenceOrchestratorConfig):
    """A field is left out when the configuration is written."""

    pool: str = Field(default="default", exclude=True)


@breaks("PKG-6")
class ConnectsAtOnce(ReferenceOrchestrator):
    """Making an instance asks the backend whether it is there."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        """Make an instance."""
        super().__init__(*arguments, **keywords)
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", 9), timeout=0.2).close()


@breaks("PKG-6")
class KeepsADirectory(ReferenceOrchestrator):
    """Making an instance makes a place for its files."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        """Make an instance."""
        super().__init__(*arguments, **keywords)
        Path("acme").mkdir(exist_ok=True)


@breaks("PKG-3")
class ImagesWithoutTheOrchestrator(ContainerizedOrchestrator, ReferenceOrchestrator):
    """Images get what ZenML's integrations need, and not the orchestrator."""


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


@breaks("PKG-5", beside=(_Remote,))
class NoRegistryRequired(ContainerizedOrchestrator, ReferenceOrchestrator):
    """A remote orchestrator of images asks for no registry."""

    @property
    def requirements(self) -> set[str]:
        """What images must have to import this orchestrator."""
        return {*super().requirements, "faulty-orchestrators"}
