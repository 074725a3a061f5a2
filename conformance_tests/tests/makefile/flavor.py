"""Flavor and configuration of the orchestrator that uses `make`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.orchestrators import BaseOrchestratorConfig, BaseOrchestratorFlavor

if TYPE_CHECKING:
    from makefile.forking import ForkingMakefileOrchestrator
    from makefile.orchestrator import MakefileOrchestrator


class MakefileConfig(BaseOrchestratorConfig):
    """Configuration: there is nothing to configure."""

    @property
    def is_local(self) -> bool:
        """Whether it runs steps on this machine alone."""
        return True

    @property
    def is_synchronous(self) -> bool:
        """Whether the client waits for the end of a run."""
        return True


class MakefileFlavor(BaseOrchestratorFlavor):
    """The flavor."""

    @property
    def name(self) -> str:
        """Its name."""
        return "makefile"

    @property
    def config_class(self) -> type[BaseOrchestratorConfig]:
        """Its configuration."""
        return MakefileConfig

    @property
    def implementation_class(self) -> type[MakefileOrchestrator]:
        """Its implementation."""
        from makefile.orchestrator import MakefileOrchestrator

        return MakefileOrchestrator


class ForkingMakefileFlavor(MakefileFlavor):
    """That of the one whose driver forks the steps."""

    @property
    def implementation_class(self) -> type[ForkingMakefileOrchestrator]:
        """Its implementation."""
        from makefile.forking import ForkingMakefileOrchestrator

        return ForkingMakefileOrchestrator
