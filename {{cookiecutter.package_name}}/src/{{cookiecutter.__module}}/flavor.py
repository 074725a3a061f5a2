# jinja: filter replace("Acme", cookiecutter.__class)
"""The flavor: the class that you register with ZenML. It names configuration and orchestrator."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    # jinja: if cookiecutter.__kubernetes
    connector_resource_type = "kubernetes-cluster"
    # jinja: endif
    # jinja: if cookiecutter.__aws_batch
    connector_resource_type = "aws-generic"
    # jinja: endif
    config_class = AcmeOrchestratorConfig

    @property
    def implementation_class(self) -> type[AcmeOrchestrator]:
        """The orchestrator.

        Imported late: ZenML imports flavors in many processes that never run anything, where
        the backend's own libraries need not even be installed.
        """
        from .orchestrator import AcmeOrchestrator

        return AcmeOrchestrator
        # jinja: endfilter
