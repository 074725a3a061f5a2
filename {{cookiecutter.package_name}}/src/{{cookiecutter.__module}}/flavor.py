# jinja: filter replace("Acme", cookiecutter.__class)
"""The flavor: the class that you register with ZenML. It names configuration and orchestrator."""

from __future__ import annotations

from typing import TYPE_CHECKING

# jinja: if cookiecutter.__aws_batch
from zenml.models import ServiceConnectorRequirements

# jinja: endif
from .config import AcmeOrchestratorConfig
from .core.flavor import ProjectFlavor

if TYPE_CHECKING:
    from .orchestrator import AcmeOrchestrator


class AcmeOrchestratorFlavor(ProjectFlavor):
    """The `{{ cookiecutter.flavor }}` orchestrator flavor.

    It may have a `docs_url` and a `logo_url`, too: ZenML's dashboard shows them.
    """

    name = "{{ cookiecutter.flavor }}"
    display_name = "{{ cookiecutter.project_name }}"
    config_class = AcmeOrchestratorConfig

    # jinja: if cookiecutter.__aws_batch
    @property
    def service_connector_requirements(self) -> ServiceConnectorRequirements:
        """Which service connectors the orchestrator can be connected to."""
        return ServiceConnectorRequirements(connector_type="aws", resource_type="aws-generic")

    # jinja: endif
    @property
    def implementation_class(self) -> type[AcmeOrchestrator]:
        """The orchestrator.

        Imported late: ZenML imports flavors in many processes that never run anything, where
        the backend's own libraries need not even be installed.
        """
        from .orchestrator import AcmeOrchestrator

        return AcmeOrchestrator
        # jinja: endfilter
