"""The orchestrator: the class that ZenML calls. It connects `core` to this project's backend."""

from __future__ import annotations

from functools import cached_property
from typing import cast

from .config import AcmeOrchestratorConfig, AcmeOrchestratorSettings
from .core.containers import ContainerizedJobs
from .core.coordinator import CoordinatorTopology
from .core.dynamic_pipelines import DynamicPipelines
from .core.jobs import JobBackend


class AcmeOrchestrator(ContainerizedJobs, DynamicPipelines):
    """Runs the steps of a pipeline in containers of Docker or Podman."""

    topology_class = CoordinatorTopology
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
