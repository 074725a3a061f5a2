"""Flavor and configuration of the reference orchestrator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator
from zenml.config.base_settings import BaseSettings
from zenml.orchestrators import BaseOrchestratorConfig, BaseOrchestratorFlavor

if TYPE_CHECKING:
    from zenml.orchestrators import BaseOrchestrator


class ReferenceOrchestratorSettings(BaseSettings):
    """What a pipeline or a step may set."""

    image: str | None = Field(default=None, description="Passed on to the job; nothing uses it.")


class ReferenceOrchestratorConfig(BaseOrchestratorConfig, ReferenceOrchestratorSettings):
    """Configuration of the reference orchestrator."""

    topology: Literal["coordinator", "native_dag"] = Field(
        default="coordinator",
        description="Who keeps the DAG: a coordinator job, or the backend's own dependencies.",
    )
    synchronous: bool = Field(default=True, description="Wait for the end of a run.")
    backend_retries: bool = Field(
        default=False, description="Retry steps by new jobs, which helps those that were killed."
    )

    @model_validator(mode="after")
    def _retries_need_a_coordinator(self) -> ReferenceOrchestratorConfig:
        if self.backend_retries and self.topology != "coordinator":
            raise ValueError("backend_retries needs topology=coordinator: nobody else resubmits")
        return self

    @property
    def handles_step_retries(self) -> bool:
        """Whether attempts are jobs, and not turns of a loop in the step's process."""
        return self.backend_retries

    @property
    def is_synchronous(self) -> bool:
        """Whether a client waits for the end of a run."""
        return self.synchronous

    @property
    def is_schedulable(self) -> bool:
        """The reference backend keeps schedules."""
        return True

    @property
    def is_local(self) -> bool:
        """Jobs run on the client's machine."""
        return True


class ReferenceOrchestratorFlavor(BaseOrchestratorFlavor):
    """The orchestrator that the suite must find nothing wrong with."""

    @property
    def name(self) -> str:
        """The flavor's name."""
        return "reference"

    @property
    def config_class(self) -> type[BaseOrchestratorConfig]:
        """The configuration."""
        return ReferenceOrchestratorConfig

    @property
    def implementation_class(self) -> type[BaseOrchestrator]:
        """The orchestrator."""
        from zenml_conformance.former_reference.orchestrator import ReferenceOrchestrator

        return ReferenceOrchestrator
