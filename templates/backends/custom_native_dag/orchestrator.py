"""The orchestrator: the class that ZenML calls. It connects `core` to this project's backend."""

from __future__ import annotations

from functools import cached_property
from typing import cast

from .config import AcmeOrchestratorConfig, AcmeOrchestratorSettings
from .core.dynamic_pipelines import DynamicPipelines
from .core.jobs import JobBackend
from .core.native_dag import NativeDagTopology


class AcmeOrchestrator(DynamicPipelines):
    """Runs the steps of a pipeline as jobs of your scheduler, which keeps their order.

    If it can't, have `topology_class` be `core.coordinator.CoordinatorTopology`.
    """

    topology_class = NativeDagTopology
    settings_class = AcmeOrchestratorSettings

    @cached_property
    def backend(self) -> JobBackend:
        """The system that runs the jobs."""
        from .backend import AcmeBackend

        return AcmeBackend(self.config)

    @property
    def config(self) -> AcmeOrchestratorConfig:
        """The configuration of the stack component."""
        return cast(AcmeOrchestratorConfig, self._config)
