"""Settings and configuration. This file is yours: add what your containers need to know."""

from __future__ import annotations

import os
from typing import Any, Literal

from pydantic import Field, field_validator
from zenml.config.base_settings import BaseSettings
from zenml.orchestrators import BaseOrchestratorConfig

DEFAULT_HOST = "unix:///var/run/docker.sock"

OWN_ARGUMENTS = {
    "auto_remove": "what it removes, and when, is the orchestrator's business",
    "command": "it is the step",
    "cpu_count": "use ResourceSettings(cpu_count=...)",
    "cpu_period": "use ResourceSettings(cpu_count=...)",
    "cpu_quota": "use ResourceSettings(cpu_count=...)",
    "detach": "containers always run by themselves",
    "device_requests": "use ResourceSettings(gpu_count=...) and the setting gpu_device_ids",
    "entrypoint": "it is the step",
    "environment": "use the `environment` of the step or pipeline",
    "image": "use the setting image",
    "init": "signals have to reach the step",
    "labels": "use the setting labels",
    "mem_limit": "use ResourceSettings(memory=...)",
    "memswap_limit": "use ResourceSettings(memory=...)",
    "mounts": "use the setting volumes",
    "name": "containers are found by their names",
    "nano_cpus": "use ResourceSettings(cpu_count=...)",
    "network": "use the setting network",
    "network_mode": "use the setting network",
    "oom_kill_disable": "a step without memory would hang for ever",
    "pid_mode": "use the setting pid_mode",
    "restart_policy": "a second attempt would collide with ZenML's record of the first",
    "stop_signal": "ZenML's steps react to SIGTERM",
    "tty": "output would not be what was written",
    "user": "use the setting user",
    "version": "it is negotiated",
    "volumes": "use the setting volumes",
    "working_dir": "ZenML's code lies in /app",
}
"""Arguments of `docker-py` that are not for `run_args`, and why."""


class AcmeOrchestratorSettings(BaseSettings):
    """What pipelines and steps set under `orchestrator.acme_flavor`.

    What a pipeline sets holds for each of its steps, and for the container that looks after the
    run.
    """

    synchronous: bool = Field(
        default=True,
        description="Whether the client waits until the run has ended.",
    )
    image: str | None = Field(
        default=None,
        description="Image to run in, with ZenML and this package in it. Nothing is built then. "
        "Default: the image that ZenML builds.",
    )
    user: str | None = Field(
        default=None,
        description="User to run as, as `docker run --user` understands it. Default: the owner of "
        "ZenML's local store, if that is mounted, else the image's.",
    )
    network: str | None = Field(
        default=None,
        description="Network to join; also host or none. Default: the engine's; on Linux, the "
        "host's if ZenML's server is on this machine alone (http://127.0.0.1:…).",
    )
    volumes: list[str] = Field(
        default=[],
        description="What to mount, for example ['/data:/data:ro', 'a-volume:/scratch'].",
    )
    labels: dict[str, str] = Field(
        default={},
        description="More labels of the container.",
    )
    gpu_device_ids: list[str] = Field(
        default=[],
        description="Which GPUs to take when a step asks for some. Default: the first ones.",
    )
    pid_mode: Literal["host"] | None = Field(
        default=None,
        description="Whether to see all processes of the machine.",
    )
    run_args: dict[str, Any] = Field(
        default={},
        description="More arguments of docker-py's `containers.create`, for example "
        "{'shm_size': '2g'}.",
    )

    @field_validator("volumes")
    @classmethod
    def _volumes_have_a_target(cls, value: list[str]) -> list[str]:
        for volume in value:
            source, _, target = volume.partition(":")
            if not source or not target.startswith("/"):
                raise ValueError(
                    f"{volume!r} is not a volume. Write SOURCE:TARGET or SOURCE:TARGET:ro, where "
                    "SOURCE is a path or the name of a volume, and TARGET a path."
                )
        return value

    @field_validator("run_args")
    @classmethod
    def _arguments_are_known_and_free(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name in value.keys() & OWN_ARGUMENTS.keys():
            raise ValueError(f"{name!r} can't be in run_args: {OWN_ARGUMENTS[name]}.")
        if value:
            # Late, so that flavors can be listed where this library is not installed.
            from docker.models.containers import RUN_CREATE_KWARGS, RUN_HOST_CONFIG_KWARGS

            known = {*RUN_CREATE_KWARGS, *RUN_HOST_CONFIG_KWARGS, "ports"} - OWN_ARGUMENTS.keys()
            if unknown := sorted(value.keys() - known):
                raise ValueError(
                    f"docker-py knows no argument {', '.join(map(repr, unknown))}. It knows "
                    f"{', '.join(sorted(known))}."
                )
        return value


class AcmeOrchestratorConfig(
    BaseOrchestratorConfig,
    AcmeOrchestratorSettings,
):
    """What the stack component is registered with; also the default of every setting."""

    docker_host: str | None = Field(
        default=None,
        pattern=r"\A(unix:///|tcp://)",
        description="Address of the engine's API, of Docker or Podman: unix:///PATH or "
        f"tcp://HOST:PORT. Default: the variable DOCKER_HOST, else {DEFAULT_HOST}.",
    )
    requirement: str | None = Field(
        default=None,
        description="What pip is told to install this package in the images that ZenML builds, for "
        "example 'PACKAGE @ git+https://HOST/REPOSITORY@TAG'. Default: its name and version, for "
        "a package index that has it.",
    )
    max_parallel_steps: int | None = Field(
        default=None,
        ge=1,
        description="How many steps of a run may run at once. Default: one for each of the "
        "engine's processors.",
    )
    stop_grace_seconds: int = Field(
        default=10,
        ge=0,
        description="How long a step that is stopped may take to react before it is killed.",
    )
    timeout_seconds: int = Field(
        default=60,
        ge=1,
        description="How long the engine may take to answer.",
    )

    @property
    def host(self) -> str:
        """The address of the engine's API."""
        return self.docker_host or os.environ.get("DOCKER_HOST") or DEFAULT_HOST

    @property
    def socket(self) -> str | None:
        """The path of the engine's socket; None for an engine that is not on this machine."""
        return self.host.removeprefix("unix://") if self.host.startswith("unix://") else None

    @property
    def is_local(self) -> bool:
        """Whether steps run on the machine of the client. ZenML then allows local stores."""
        return self.socket is not None

    @property
    def is_remote(self) -> bool:
        """Whether they don't. ZenML then refuses components that are on this machine alone."""
        return not self.is_local

    @property
    def is_synchronous(self) -> bool:
        """Whether the client waits until a run has ended."""
        return self.synchronous
