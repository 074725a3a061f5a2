"""Settings and configuration of the reference orchestrator."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from zenml.config.base_settings import BaseSettings
from zenml.orchestrators import BaseOrchestratorConfig


class ReferenceOrchestratorSettings(BaseSettings):
    """What a pipeline or a step may set."""

    synchronous: bool = Field(default=True, description="Wait for the end of a run.")
    image: str | None = Field(default=None, description="Passed on to the job; nothing uses it.")


class ReferenceOrchestratorConfig(BaseOrchestratorConfig, ReferenceOrchestratorSettings):
    """Configuration of the reference orchestrator."""

    topology: Literal["coordinator", "native_dag"] = Field(
        default="coordinator",
        description="Who keeps the order of steps: a coordinator job, or the backend.",
    )

    @property
    def is_synchronous(self) -> bool:
        """Whether a client waits for the end of a run."""
        return self.synchronous

    @property
    def is_schedulable(self) -> bool:
        """Whether pipelines may have a schedule: the fake backend keeps schedules."""
        return True

    @property
    def is_local(self) -> bool:
        """Whether jobs run on the client's machine."""
        return True
