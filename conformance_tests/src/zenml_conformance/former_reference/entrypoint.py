"""ZenML's entrypoints outside containers."""

from __future__ import annotations

from zenml.entrypoints.base_entrypoint_configuration import BaseEntrypointConfiguration
from zenml.entrypoints.step_entrypoint_configuration import StepEntrypointConfiguration
from zenml.pipelines.dynamic.entrypoint_configuration import DynamicPipelineEntrypointConfiguration
from zenml.step_operators.step_operator_entrypoint_configuration import (
    StepOperatorEntrypointConfiguration,
)


class InPlace(BaseEntrypointConfiguration):
    """Runs where it is.

    ZenML's own entrypoints change to `/app`, which only a container has
    (`zenml.entrypoints.base_entrypoint_configuration.prepare_code_environment`).
    """

    def prepare_code_environment(self) -> None:
        """Leave the working directory alone: the steps are installed."""


class ReferenceStepEntrypoint(InPlace, StepEntrypointConfiguration):
    """Runs a step of a static pipeline."""


class ReferenceDynamicEntrypoint(InPlace, DynamicPipelineEntrypointConfiguration):
    """Runs the code of a dynamic pipeline, and its inline steps."""


class ReferenceIsolatedEntrypoint(InPlace, StepOperatorEntrypointConfiguration):
    """Runs an isolated step of a dynamic pipeline."""
