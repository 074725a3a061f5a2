"""Configuration. This file is yours."""

from __future__ import annotations

from zenml.config.base_settings import BaseSettings
from zenml.orchestrators import BaseOrchestratorConfig


class AcmeOrchestratorSettings(BaseSettings):
    """What pipelines and steps set under `orchestrator.acme_flavor`.

    Steps that run in the client's process leave nothing to choose yet. Read a field that you
    add with `self.get_settings(step)` in the orchestrator.
    """


class AcmeOrchestratorConfig(
    BaseOrchestratorConfig,
    AcmeOrchestratorSettings,
):
    """What the stack component is registered with; also the default of every setting."""

    @property
    def is_local(self) -> bool:
        """Whether steps run on the machine of the client. ZenML then allows local stores."""
        return True

    @property
    def is_synchronous(self) -> bool:
        """Whether the client waits until a run has ended: it is the client that runs it."""
        return True
