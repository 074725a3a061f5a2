# jinja: filter replace("Acme", cookiecutter.__class)
"""The flavor: what ZenML registers, and the way from there to everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.orchestrators import BaseOrchestratorFlavor

from .config import AcmeOrchestratorConfig

if TYPE_CHECKING:
    from .orchestrator import AcmeOrchestrator


class AcmeOrchestratorFlavor(BaseOrchestratorFlavor):
    """The `{{ cookiecutter.flavor }}` orchestrator flavor."""

    @property
    def name(self) -> str:
        """The name under which the flavor is registered, and the key of its settings."""
        return "{{ cookiecutter.flavor }}"

    @property
    def config_class(self) -> type[AcmeOrchestratorConfig]:
        """The configuration that `zenml orchestrator register` validates."""
        return AcmeOrchestratorConfig

    @property
    def implementation_class(self) -> type[AcmeOrchestrator]:
        """The orchestrator.

        Imported late: ZenML imports flavors in many processes that never run anything, where
        the backend's own libraries need not even be installed.
        """
        from .orchestrator import AcmeOrchestrator

        return AcmeOrchestrator
        # jinja: endfilter
