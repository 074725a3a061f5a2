"""The reference orchestrator: the core, in either topology, on the fake backend."""

from __future__ import annotations

from typing import cast

from zenml_conformance.core.coordinator import CoordinatorTopology
from zenml_conformance.core.dynamic_pipelines import DynamicPipelines
from zenml_conformance.core.native_dag import NativeDagTopology
from zenml_conformance.core.schedules import ScheduledRuns, SchedulingBackend
from zenml_conformance.core.topology import Topology
from zenml_conformance.reference.config import (
    ReferenceOrchestratorConfig,
    ReferenceOrchestratorSettings,
)

TOPOLOGIES: dict[str, type[Topology]] = {
    "coordinator": CoordinatorTopology,
    "native_dag": NativeDagTopology,
}


class ReferenceOrchestrator(DynamicPipelines, ScheduledRuns):
    """Runs the steps of a pipeline as jobs of the fake backend."""

    settings_class = ReferenceOrchestratorSettings

    @property
    def topology_class(self) -> type[Topology]:  # type: ignore[override]
        """Who keeps the order of the steps. A project has one topology; this has both."""
        return TOPOLOGIES[self.config.topology]

    @property
    def backend(self) -> SchedulingBackend:
        """The fake backend. The suite puts it here."""
        raise RuntimeError(
            "The reference orchestrator runs only under the conformance suite, which gives it its "
            "backend: pytest --orchestrator=reference"
        )

    @property
    def config(self) -> ReferenceOrchestratorConfig:
        """The configuration of the stack component."""
        return cast(ReferenceOrchestratorConfig, self._config)
