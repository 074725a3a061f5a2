"""Settings and configuration. This file is yours."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, field_validator
from zenml.config.base_settings import BaseSettings
from zenml.orchestrators import BaseOrchestratorConfig

from .core.resources import to_bytes


class AcmeOrchestratorSettings(BaseSettings):
    """What pipelines and steps set under `orchestrator.acme_flavor`."""

    synchronous: bool = Field(
        default=True,
        description="Whether the client waits until the run has ended.",
    )
    image: ClassVar[str | None] = None  # Steps run without containers.


class AcmeOrchestratorConfig(
    BaseOrchestratorConfig,
    AcmeOrchestratorSettings,
):
    """What the stack component is registered with; also the default of every setting."""

    max_parallel_steps: int | None = Field(
        default=None,
        ge=1,
        description="How many steps of a run may run at once. Default: one for each core.",
    )
    cpus: float | None = Field(
        default=None,
        gt=0,
        description="How many cores the steps of a run may ask for together (`cpu_count`). "
        "Default: those of this machine.",
    )
    memory: str | None = Field(
        default=None,
        description="How much memory the steps of a run may ask for together, for example 16GB. "
        "Default: that of this machine.",
    )
    gpu_devices: str | None = Field(
        default=None,
        description="The GPUs that steps may ask for (`gpu_count`), in the notation of "
        "CUDA_VISIBLE_DEVICES, for example 0,1. Default: those of this machine.",
    )
    stop_grace_seconds: float = Field(
        default=10.0,
        ge=0,
        description="How long a step that is stopped may take to react before it is killed.",
    )
    warm_seconds: float = Field(
        default=300.0,
        ge=0,
        description="How long a process that has imported ZenML is kept after a run, so that the "
        "next one starts sooner. With 0 it ends with the run.",
    )
    keep_logs_days: float = Field(
        default=30.0,
        ge=0,
        description="How long the output of jobs is kept. A new run removes what is older.",
    )

    @field_validator("memory")
    @classmethod
    def _memory_has_a_unit(cls, value: str | None) -> str | None:
        if value is not None:
            to_bytes(value)
        return value

    @property
    def is_local(self) -> bool:
        """Whether steps run on the machine of the client. ZenML then allows local stores."""
        return True

    @property
    def is_synchronous(self) -> bool:
        """Whether the client waits until a run has ended."""
        return self.synchronous
