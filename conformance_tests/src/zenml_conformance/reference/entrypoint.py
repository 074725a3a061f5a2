"""The step entrypoint outside containers."""

from __future__ import annotations

from zenml.entrypoints.step_entrypoint_configuration import StepEntrypointConfiguration


class ReferenceStepEntrypoint(StepEntrypointConfiguration):
    """Runs a step where it is.

    ZenML's own changes to `/app`, which only a container has
    (`zenml.entrypoints.base_entrypoint_configuration.prepare_code_environment`).
    """

    def prepare_code_environment(self) -> None:
        """Leave the working directory alone: the steps are installed."""
