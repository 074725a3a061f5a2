"""The orchestrator: the class that ZenML calls. It connects `core` to this project's backend."""

from __future__ import annotations

from functools import cached_property
from typing import cast

from .backend import AcmeBackend
from .config import AcmeOrchestratorConfig, AcmeOrchestratorSettings
from .core.compiled_dag import CompiledDagTopology
from .core.containers import ContainerizedJobs
from .core.dynamic_pipelines import DynamicPipelines
from .core.schedules import ScheduledRuns


class AcmeOrchestrator(ContainerizedJobs, ScheduledRuns, DynamicPipelines):
    """Runs the steps of a pipeline as tasks of one run of Kubeflow Pipelines."""

    topology_class = CompiledDagTopology
    settings_class = AcmeOrchestratorSettings

    @cached_property
    def backend(self) -> AcmeBackend:
        """The system that runs the jobs."""
        return AcmeBackend(self.config)

    @property
    def config(self) -> AcmeOrchestratorConfig:
        """The configuration of the stack component."""
        return cast(AcmeOrchestratorConfig, self._config)
