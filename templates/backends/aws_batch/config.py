"""Settings and configuration. This file is yours: add what your jobs need to know."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlparse

from pydantic import Field, field_validator
from zenml.config.base_settings import BaseSettings
from zenml.orchestrators import BaseOrchestratorConfig

from .core.jobs import JobBackend

ROLE = r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/\S+$"
"""Batch takes short names of some roles only."""

LOOPBACK = ("localhost", "127.0.0.1", "::1")

OWN_PROPERTIES = {
    "command": "it is the step",
    "environment": "use the `environment` of the step or pipeline",
    "executionRoleArn": "use the setting execution_role",
    "image": "use the setting image",
    "jobRoleArn": "use the setting job_role",
    "memory": "use ResourceSettings(memory=...)",
    "resourceRequirements": "use ResourceSettings",
    "secrets": "they hold the environment; use the `environment` of the step or pipeline",
    "vcpus": "use ResourceSettings(cpu_count=...)",
}
"""Fields of Batch's `containerProperties` that are not for `container_properties`, and why."""


class AcmeOrchestratorSettings(BaseSettings):
    """What pipelines and steps set under `orchestrator.acme_flavor`.

    What a pipeline sets holds for each of its steps, and for the job that looks after the run.
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
    queue: str | None = Field(
        default=None,
        description="Name or ARN of the job queue.",
    )
    job_role: str | None = Field(
        default=None,
        pattern=ROLE,
        description="ARN of the role that the code of a step has, and the job that looks after the "
        "run.",
    )
    execution_role: str | None = Field(
        default=None,
        pattern=ROLE,
        description="ARN of the role that pulls the image, writes the log, and reads the secret "
        "with the job's environment.",
    )
    timeout_seconds: int | None = Field(
        default=None,
        ge=60,
        description="How long a step may run before Batch ends it. Default: no limit.",
    )
    assign_public_ip: bool = Field(
        default=False,
        description="Whether Fargate gives a job a public address, without which it reaches "
        "nothing outside a subnet that has no NAT gateway or VPC endpoints.",
    )
    share_identifier: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9]{1,254}\*?$",
        description="The share that a job counts for, in a queue with fair shares.",
    )
    scheduling_priority: int | None = Field(
        default=None,
        ge=0,
        le=9999,
        description="The priority of a job within its share, in a queue with fair shares.",
    )
    tags: dict[str, str] = Field(
        default={},
        max_length=40,
        description="More tags of the jobs, and of the tasks that they become.",
    )
    container_properties: dict[str, Any] = Field(
        default={},
        description="More fields of `containerProperties` in Batch's job definition, for example "
        "{'linuxParameters': {'sharedMemorySize': 2048}}.",
    )

    @field_validator("container_properties")
    @classmethod
    def _properties_are_known_and_free(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name in value.keys() & OWN_PROPERTIES.keys():
            raise ValueError(f"{name!r} can't be in container_properties: {OWN_PROPERTIES[name]}.")
        if value:
            # Late, so that flavors can be listed where this library is not installed.
            from .batch_limits import check_shape

            # Batch wants an image; whose it is does not matter here.
            check_shape({**value, "image": "any"})
        return value


class AcmeOrchestratorConfig(
    BaseOrchestratorConfig,
    AcmeOrchestratorSettings,
):
    """What the stack component is registered with; also the default of every setting."""

    queue: str = Field(
        description="Name or ARN of the job queue.",
    )
    control_queue: str | None = Field(
        default=None,
        description="Name or ARN of another queue for the jobs that look after runs, so that they "
        "never take a place that a step waits for. Default: that of the steps.",
    )
    region: str | None = Field(
        default=None,
        description="The region. Default: that of the service connector, or of AWS_DEFAULT_REGION "
        "or your AWS profile.",
    )
    profile: str | None = Field(
        default=None,
        description="A profile of your AWS configuration. Default: the usual chain of "
        "credentials. A service connector goes before both; jobs have their role.",
    )
    endpoint_url: str | None = Field(
        default=None,
        pattern=r"^https?://\S+$",
        description="Where AWS's API is, if not at its public address: an emulation, for example. "
        "Default: the variable AWS_ENDPOINT_URL, if it is set.",
    )
    scheduler_role: str | None = Field(
        default=None,
        pattern=ROLE,
        description="ARN of the role with which EventBridge Scheduler submits jobs. Pipelines may "
        "have schedules if it is set.",
    )
    schedule_timezone: str = Field(
        default="UTC",
        description="The time zone of cron expressions, for example Europe/Zurich.",
    )
    kms_key: str | None = Field(
        default=None,
        description="The key that encrypts the secrets with the environments of jobs. Default: "
        "the account's aws/secretsmanager.",
    )
    default_cpu: float = Field(
        default=1,
        gt=0,
        description="The vCPUs of a step that does not say how many it needs.",
    )
    default_memory_mib: int = Field(
        default=2048,
        ge=4,
        description="The memory of a step that does not say how much it needs, in MiB.",
    )
    control_cpu: float = Field(
        default=0.25,
        gt=0,
        description="The vCPUs of the job that looks after a run.",
    )
    control_memory_mib: int = Field(
        default=1024,
        ge=4,
        description="The memory of the job that looks after a run, in MiB.",
    )
    poll_seconds: float = Field(
        default=15,
        gt=0,
        description="How often to ask Batch for the states of jobs.",
    )
    full_queue_timeout_seconds: float = Field(
        default=JobBackend.room_seconds,
        ge=0,
        description="How long to go on submitting a job while AWS throttles requests.",
    )
    requirement: str | None = Field(
        default=None,
        description="What pip is told to install this package in the images that ZenML builds, for "
        "example 'PACKAGE @ git+https://HOST/REPOSITORY@TAG'. Default: its name and version, for "
        "a package index that has it.",
    )

    @property
    def is_local(self) -> bool:
        """Whether jobs run on the machine of the client: an API that is there has them there."""
        address = self.endpoint_url or os.environ.get("AWS_ENDPOINT_URL") or ""
        return urlparse(address).hostname in LOOPBACK

    @property
    def is_remote(self) -> bool:
        """Whether they don't. ZenML then refuses components that are on this machine alone."""
        return not self.is_local

    @property
    def is_schedulable(self) -> bool:
        """Whether pipelines may have a schedule."""
        return self.scheduler_role is not None

    @property
    def is_synchronous(self) -> bool:
        """Whether the client waits until a run has ended."""
        return self.synchronous
