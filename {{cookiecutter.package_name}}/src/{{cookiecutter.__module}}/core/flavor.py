"""What the flavor of a project has in common with others."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from zenml.models import ServiceConnectorRequirements
from zenml.orchestrators import BaseOrchestratorFlavor

if TYPE_CHECKING:
    from zenml.models import FlavorRequest


class ProjectFlavor(BaseOrchestratorFlavor):
    """A flavor that is registered by the name of the installed package.

    ZenML names a class by where its file lies below the current source root
    (`zenml.utils.source_utils.resolve`). Registered from the project's own directory, that would
    be `src.…`, which can be imported from nowhere else.
    """

    connector_resource_type: ClassVar[str | None] = None
    """What a service connector gives access to, so that it can stand in for credentials."""

    @property
    def service_connector_requirements(self) -> ServiceConnectorRequirements | None:
        """Which service connectors can be connected to the orchestrator; None for none."""
        resource_type = self.connector_resource_type
        return ServiceConnectorRequirements(resource_type=resource_type) if resource_type else None

    def to_model(self, integration: str | None = None, is_custom: bool = True) -> FlavorRequest:
        """Describe the flavor to ZenML's store.

        Args:
            integration: Passed on to ZenML.
            is_custom: Passed on to ZenML.
        """
        model = super().to_model(integration=integration, is_custom=is_custom)
        source = f"{type(self).__module__}.{type(self).__qualname__}"
        return model.model_copy(update={"source": source})
