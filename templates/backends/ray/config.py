"""Settings and configuration. This file is yours: add what your cluster needs to know."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field, field_validator
from zenml.config.base_settings import BaseSettings
from zenml.orchestrators import BaseOrchestratorConfig

RUNTIME_ENV_FIELDS = (
    *("working_dir", "py_modules", "excludes", "pip", "uv", "conda", "py_executable"),
    *("env_vars", "image_uri", "nsight", "config"),
)


class AcmeOrchestratorSettings(BaseSettings):
    """What pipelines and steps set under `orchestrator.acme_flavor`.

    What a pipeline sets holds for each of its steps, and for the job that looks after the run.
    """

    synchronous: bool = Field(
        default=True,
        description="Whether the client waits until the run has ended.",
    )
    resources: dict[str, float] = Field(
        default={},
        description="Custom resources of the cluster that a step holds, for example "
        "{'license': 1}. Cores, memory and GPUs belong into ZenML's `ResourceSettings`.",
    )
    runtime_env: dict[str, Any] = Field(
        default={},
        description="Ray's runtime environment, for example {'pip': ['polars'], 'working_dir': "
        "'.'}. `working_dir` and `py_modules` are uploaded when a run begins: they belong to the "
        "pipeline. All users of the cluster see it, so it is no place for secrets.",
    )
    python: str | None = Field(
        default=None,
        description="The interpreter of the jobs, as a path on the nodes. It must have ZenML and "
        "this package. Default: the client's own; with a `runtime_env` that has an interpreter "
        "of its own (pip, uv, conda, ...), that one.",
    )
    image: ClassVar[str | None] = None  # A container is part of `runtime_env`.

    @field_validator("resources")
    @classmethod
    def _resources_are_custom(cls, value: dict[str, float]) -> dict[str, float]:
        for name, amount in value.items():
            if name in ("CPU", "GPU", "memory", "object_store_memory"):
                raise ValueError(
                    f"{name!r} is not a custom resource. Cores, memory and GPUs belong into "
                    "ZenML's `ResourceSettings`."
                )
            if amount < 0 or (amount > 1 and amount != int(amount)):
                raise ValueError(
                    f"{name!r}: {amount} can't be had: Ray knows whole numbers, and fractions "
                    "below one."
                )
        return value

    @field_validator("runtime_env")
    @classmethod
    def _runtime_env_is_rays(cls, value: dict[str, Any]) -> dict[str, Any]:
        if unknown := sorted(value.keys() - {*RUNTIME_ENV_FIELDS}):
            raise ValueError(
                f"{unknown[0]!r} is not a part of a runtime environment of Ray's. There are "
                f"{', '.join(RUNTIME_ENV_FIELDS)}."
            )
        return value


class AcmeOrchestratorConfig(
    BaseOrchestratorConfig,
    AcmeOrchestratorSettings,
):
    """What the stack component is registered with; also the default of every setting."""

    address: str | None = Field(
        default=None,
        description="The cluster, as `ray.init` understands it: HOST:PORT on a machine that is "
        "part of it, ray://HOST:10001 anywhere else. Default: RAY_ADDRESS, or the cluster that "
        "this machine is part of.",
    )
    autoscaling: bool = Field(
        default=False,
        description="Whether nodes are added when they are needed. A step is then not refused "
        "for asking for what no node has now.",
    )
    stop_grace_seconds: float = Field(
        default=10.0,
        ge=0,
        description="How long a step that is stopped may take to react before it is killed.",
    )

    @property
    def is_remote(self) -> bool:
        """Whether jobs can't reach what exists on the client's machine alone.

        False if the nodes share its file system. If they don't, return True: ZenML then refuses
        stacks with local components, such as the default artifact store, instead of letting steps
        fail.
        """
        return False

    @property
    def is_synchronous(self) -> bool:
        """Whether the client waits until a run has ended."""
        return self.synchronous
