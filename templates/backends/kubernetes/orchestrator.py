"""The orchestrator: the class that ZenML calls. It connects `core` to this project's backend."""

from __future__ import annotations

from functools import cached_property
from typing import cast

from .config import AcmeOrchestratorConfig, AcmeOrchestratorSettings
from .core.containers import ContainerizedJobs
from .core.coordinator import CoordinatorTopology
from .core.dynamic_pipelines import DynamicPipelines
from .core.schedules import ScheduledRuns, SchedulingBackend


class AcmeOrchestrator(ContainerizedJobs, ScheduledRuns, DynamicPipelines):
    """Runs the steps of a pipeline as Jobs of a Kubernetes cluster."""

    topology_class = CoordinatorTopology
    settings_class = AcmeOrchestratorSettings

    @cached_property
    def backend(self) -> SchedulingBackend:
        """The system that runs the jobs."""
        from .backend import AcmeBackend

        return AcmeBackend(self.config, self.get_connector)

    @property
    def config(self) -> AcmeOrchestratorConfig:
        """The configuration of the stack component."""
        return cast(AcmeOrchestratorConfig, self._config)
