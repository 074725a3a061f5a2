"""The orchestrator: the class that ZenML calls. It connects `core` to this project's backend."""

from __future__ import annotations

from typing import cast

from .config import AcmeOrchestratorConfig, AcmeOrchestratorSettings
from .core.in_process import InProcessOrchestrator


class AcmeOrchestrator(InProcessOrchestrator):
    """Runs the steps of a pipeline in the client's process, one after the other."""

    settings_class = AcmeOrchestratorSettings

    @property
    def config(self) -> AcmeOrchestratorConfig:
        """The configuration of the stack component."""
        return cast(AcmeOrchestratorConfig, self._config)
