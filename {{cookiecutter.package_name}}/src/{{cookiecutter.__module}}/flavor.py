# jinja: filter replace("Acme", cookiecutter.__class)
"""The flavor: what ZenML registers, and the way from there to everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.orchestrators import BaseOrchestratorFlavor

from .config import AcmeOrchestratorConfig

if TYPE_CHECKING:
    from zenml.models import FlavorRequest

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

    def to_model(self, integration: str | None = None, is_custom: bool = True) -> FlavorRequest:
        """Describe the flavor to ZenML's store, by the name of the installed package.

        ZenML names a class by where its file lies below the current source root
        (`zenml.utils.source_utils.resolve`). Registered from this project's own directory, that
        would be `src.…`, which can be imported from nowhere else.

        Args:
            integration: Passed on to ZenML.
            is_custom: Passed on to ZenML.

        Returns:
            The description.
        """
        model = super().to_model(integration=integration, is_custom=is_custom)
        return model.model_copy(update={"source": f"{__name__}.{type(self).__name__}"})
        # jinja: endfilter
