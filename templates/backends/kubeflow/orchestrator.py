"""The orchestrator: the class that ZenML calls. It connects `core` to this project's backend."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, cast

from zenml.enums import StackComponentType
from zenml.stack import StackValidator

from .backend import AcmeBackend
from .config import AcmeOrchestratorConfig, AcmeOrchestratorSettings
from .core.compiled_dag import CompiledDagTopology
from .core.containers import ContainerizedJobs
from .core.dynamic_pipelines import DynamicPipelines
from .core.schedules import ScheduledRuns

if TYPE_CHECKING:
    from zenml.stack import Stack


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

    @property
    def validator(self) -> StackValidator:
        """What a stack needs: all that pods must reach, and what builds images for them."""
        builders = {StackComponentType.CONTAINER_REGISTRY, StackComponentType.IMAGE_BUILDER}
        return StackValidator(
            required_components=set() if self.config.image or self.config.local else builders,
            custom_validation_function=self._check_reach,
        )

    def _check_reach(self, stack: Stack) -> tuple[bool, str]:
        if not self.config.local:
            for component in stack.all_components:
                if path := component.local_path:
                    return False, (
                        f"The {component.type.value} `{component.name}` keeps its files in {path}, "
                        "on this machine, where the pods of Kubeflow can't reach them. Use one that"
                        " they reach, such as a bucket."
                    )
        return True, ""
