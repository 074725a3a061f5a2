"""Orchestrators as thin as a generated project's: one for each way to use the core."""

from __future__ import annotations

from functools import cached_property

from pydantic import Field
from zenml.config.base_settings import BaseSettings
from zenml.orchestrators import BaseOrchestratorConfig

from zenml_conformance.core.compiled_dag import CompiledDagTopology
from zenml_conformance.core.coordinator import CoordinatorTopology
from zenml_conformance.core.dynamic_pipelines import DynamicPipelines
from zenml_conformance.core.flavor import ProjectFlavor
from zenml_conformance.core.in_process import InProcessOrchestrator
from zenml_conformance.core.native_dag import NativeDagTopology
from zenml_conformance.core.schedules import ScheduledRuns

from .inline_backend import InlineBackend
from .process_backend import ProcessBackend


class AcmeSettings(BaseSettings):
    """What pipelines and steps set."""

    synchronous: bool = Field(default=True)
    image: str | None = Field(default=None)


class AcmeConfig(BaseOrchestratorConfig, AcmeSettings):
    """What the stack components are registered with."""

    @property
    def is_local(self) -> bool:
        """Let ZenML allow local stores."""
        return True

    @property
    def is_schedulable(self) -> bool:
        """Let ZenML allow schedules."""
        return True

    @property
    def is_synchronous(self) -> bool:
        """Whether the client waits until a run has ended."""
        return self.synchronous


class InlineOrchestrator(ScheduledRuns, DynamicPipelines):
    """Runs jobs in the process of the test; each test has a backend of its own."""

    backend = InlineBackend(BaseOrchestratorConfig())
    settings_class = AcmeSettings


class CoordinatorOrchestrator(InlineOrchestrator):
    """With the topology of a coordinator."""

    topology_class = CoordinatorTopology


class NativeDagOrchestrator(InlineOrchestrator):
    """With the topology of a native DAG."""

    topology_class = NativeDagTopology


class CompiledDagOrchestrator(InlineOrchestrator):
    """With the topology of a compiled DAG."""

    topology_class = CompiledDagTopology


class ProcessOrchestrator(DynamicPipelines):
    """Runs jobs in processes."""

    topology_class = CoordinatorTopology
    settings_class = AcmeSettings

    @cached_property
    def backend(self) -> ProcessBackend:
        """The system that runs the jobs."""
        return ProcessBackend(self.config)


class CoordinatorFlavor(ProjectFlavor):
    """A coordinator over jobs in the process of the test."""

    name = "coordinator"
    config_class = AcmeConfig
    implementation_class = CoordinatorOrchestrator


class NativeDagFlavor(ProjectFlavor):
    """A native DAG over jobs in the process of the test."""

    name = "native_dag"
    config_class = AcmeConfig
    implementation_class = NativeDagOrchestrator


class CompiledDagFlavor(ProjectFlavor):
    """A compiled DAG over jobs in the process of the test."""

    name = "compiled_dag"
    config_class = AcmeConfig
    implementation_class = CompiledDagOrchestrator


class ProcessFlavor(ProjectFlavor):
    """A coordinator over jobs in processes."""

    name = "processes"
    config_class = AcmeConfig
    implementation_class = ProcessOrchestrator


class InProcessFlavor(ProjectFlavor):
    """Direct orchestration."""

    name = "in_process"
    config_class = BaseOrchestratorConfig
    implementation_class = InProcessOrchestrator
