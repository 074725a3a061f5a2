"""Flavor and configuration of the threaded orchestrator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.config.base_settings import BaseSettings
from zenml.orchestrators import BaseOrchestratorConfig, BaseOrchestratorFlavor

if TYPE_CHECKING:
    from threaded.orchestrator import ThreadedOrchestrator


class ThreadedSettings(BaseSettings):
    """What a step may set."""

    image: str | None = None


class ThreadedConfig(BaseOrchestratorConfig, ThreadedSettings):
    """Configuration: nothing but the defaults of the settings."""

    @property
    def is_synchronous(self) -> bool:
        """Whether the client waits for the end of a run."""
        return True


class ThreadedFlavor(BaseOrchestratorFlavor):
    """The flavor."""

    @property
    def name(self) -> str:
        """Its name."""
        return "threaded"

    @property
    def config_class(self) -> type[ThreadedConfig]:
        """Its configuration."""
        return ThreadedConfig

    @property
    def implementation_class(self) -> type[ThreadedOrchestrator]:
        """Its implementation."""
        from threaded.orchestrator import ThreadedOrchestrator

        return ThreadedOrchestrator
