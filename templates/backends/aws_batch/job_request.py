"""A job in the words of Batch: what its definition says, and what its submission adds."""

from __future__ import annotations

import math
from typing import Any

from .batch_limits import (
    OVERRIDES_CHARACTERS,
    check_shape,
    check_size,
    check_variables,
    json_size,
)
from .config import AcmeOrchestratorConfig as Config
from .config import AcmeOrchestratorSettings as Settings
from .core.jobs import FINALIZER, ORCHESTRATION, Job
from .fargate import fargate_size

FARGATE = "FARGATE"
EC2 = "EC2"
MEBIBYTE = 2**20

TAG = "zenml."
"""What the orchestrator's own tags start with."""

CONTROL_MODULE = f"{__package__}.control_job"
"""What the container of a control job runs; it runs the job's own command."""

REGION_VARIABLE = "AWS_DEFAULT_REGION"

ROLE_VARIABLE = "ZENML_BATCH_JOB_ROLE"
"""What the job does, one of the roles in `core/jobs.py`."""


def check_words(job: Job, config: Config, platform: str, region: str) -> None:
    """Refuse a job that Batch has no words for.

    Args:
        job: The job.
        config: The configuration.
        platform: Where its queue runs jobs.
        region: The region.

    Raises:
        ValueError: If it has none.
    """
    if not job.image:
        raise ValueError(
            "It has no image to run in. Name one in the setting `image`, or have ZenML build one."
        )
    settings = job_settings(job)
    if not settings.execution_role:
        raise ValueError(
            "It has no execution role, which reads the secret with its environment. Set "
            "`execution_role`."
        )
    if job.gpus and platform == FARGATE:
        raise ValueError(
            f"It asks for {job.gpus} GPUs, and Fargate has none. Name a queue with EC2 instances "
            "in the setting `queue`."
        )
    if words := [word for word in job.command if "Ref::" in word]:
        raise ValueError(
            f"{words[0]!r} is in its command, and Batch would replace what follows `Ref::`."
        )
    check_variables(list(job.environment))
    check_shape(container_properties(job, config, platform))
    overrides = json_size(container_overrides(job, region))
    remedy = "Give the command fewer or shorter arguments."
    check_size("command", overrides, OVERRIDES_CHARACTERS, remedy)


def container_properties(job: Job, config: Config, platform: str) -> dict[str, Any]:
    """Say what the definition of a job is to say about its container.

    Args:
        job: The job.
        config: The configuration.
        platform: Where its queue runs jobs.

    Returns:
        `containerProperties` of a job definition.
    """
    settings = job_settings(job)
    roles = {"jobRoleArn": settings.job_role, "executionRoleArn": settings.execution_role}
    properties: dict[str, Any] = {
        **settings.container_properties,
        **{name: role for name, role in roles.items() if role},
        "image": job.image,
        "resourceRequirements": resource_requirements(job, config, platform),
    }
    if platform == FARGATE:
        # Fargate's own network is the only place for this.
        address = "ENABLED" if settings.assign_public_ip else "DISABLED"
        properties.setdefault("networkConfiguration", {"assignPublicIp": address})
    # The first process of a container is deaf to signals that it does not handle, and Python
    # handles none while it imports.
    linux = {"initProcessEnabled": True, **properties.get("linuxParameters", {})}
    return {**properties, "linuxParameters": linux}


def container_overrides(job: Job, region: str) -> dict[str, Any]:
    """Say in what a job differs from others of the same definition.

    Args:
        job: The job.
        region: The region. Not every container of Batch's knows it otherwise.

    Returns:
        `containerOverrides` of a submission.
    """
    known = {ROLE_VARIABLE: job.labels.get("role", ""), REGION_VARIABLE: region}
    return {
        "command": command(job),
        "environment": [{"name": name, "value": value} for name, value in known.items()],
    }


def command(job: Job) -> list[str]:
    """Say what the container runs."""
    if not looks_after_run(job.labels.get("role")):
        return [*job.command]
    python, option, *module = job.command  # `python -m MODULE ARGUMENT...`
    return [python, option, CONTROL_MODULE, *module]


def looks_after_run(role: str | None) -> bool:
    """Say whether a job of this role is the last of its run."""
    return role in (FINALIZER, ORCHESTRATION)


def resource_requirements(job: Job, config: Config, platform: str) -> list[dict[str, str]]:
    """Translate what a job asks for; Batch wants a number of everything.

    Raises:
        ValueError: If there is no size that has it.
    """
    is_small = not job.is_step and job.labels.get("role") != ORCHESTRATION
    cpu = job.cpu or (config.control_cpu if is_small else config.default_cpu)
    memory = config.control_memory_mib if is_small else config.default_memory_mib
    if job.memory is not None:
        memory = -(-job.memory // MEBIBYTE)
    if platform == FARGATE:
        cpu, memory = fargate_size(cpu, memory)
    else:
        cpu, memory = math.ceil(cpu), max(memory, 4)
    asked = {"VCPU": f"{cpu:g}", "MEMORY": str(memory)}
    if job.gpus:
        asked["GPU"] = str(job.gpus)
    return [{"type": kind, "value": value} for kind, value in asked.items()]


def submission_options(job: Job) -> dict[str, Any]:
    """Say what else a submission says.

    Returns:
        Arguments of `SubmitJob`.
    """
    settings = job_settings(job)
    own = {f"{TAG}{name}": value for name, value in job.labels.items() if value}
    options: dict[str, Any] = {
        "tags": {**settings.tags, **own},
        "propagateTags": True,
        # ZenML retries steps inside their job; a second attempt would collide with the first.
        "retryStrategy": {"attempts": 1},
    }
    if job.is_step and settings.timeout_seconds:
        options["timeout"] = {"attemptDurationSeconds": settings.timeout_seconds}
    if settings.share_identifier:
        options["shareIdentifier"] = settings.share_identifier
    if settings.scheduling_priority is not None:
        options["schedulingPriorityOverride"] = settings.scheduling_priority
    return options


def job_settings(job: Job) -> Settings:
    """Return the settings of a job."""
    return job.settings if isinstance(job.settings, Settings) else Settings()
