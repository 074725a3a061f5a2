"""A job in the words of `sbatch`. This file is yours."""

from __future__ import annotations

import math
import re

from .config import AcmeOrchestratorSettings
from .core.jobs import Job

MEBIBYTE = 2**20
"""What Slurm calls a megabyte."""

OWNED = (
    *("--array", "--chdir", "--clusters", "--comment", "--dependency", "--export", "--export-file"),
    *("--get-user-env", "--hold", "--job-name", "--kill-on-invalid-dep", "--no-kill"),
    *("--no-requeue", "--output", "--parsable", "--requeue", "--test-only", "--wait", "--wrap"),
)
"""What no setting may change: the orchestrator relies on it."""


def check_words(job: Job) -> None:
    """Refuse what Slurm has no words for.

    Raises:
        ValueError: If there is something; says what to do.
    """
    settings = _settings(job)
    for flag in settings.extra_flags:
        name = flag.partition("=")[0]
        if not re.fullmatch(r"--[a-z][a-z-]*", name):
            raise ValueError(
                f"{flag!r} in `extra_flags` is no long option of `sbatch`. Write each of them as "
                "one text, as in --exclusive or --nodelist=n1."
            )
        # `sbatch` understands the beginning of an option, too.
        if taken := [owned for owned in OWNED if owned.startswith(name)]:
            raise ValueError(f"{flag!r} in `extra_flags` sets {taken[0]}, which is not to be set.")
    if job.image and not settings.container_command:
        raise ValueError(
            f"It is to run in the image {job.image!r}, and it is not said with what. Set "
            "`container_command`, for example to ['apptainer', 'exec']."
        )
    if job.memory == 0:
        raise ValueError("It asks for no memory, which Slurm takes for all memory of the node.")
    if job.gpu_class is not None and not job.gpus:
        raise ValueError(
            f"It asks for GPUs of the class {job.gpu_class!r} and not for how many. Set "
            "`gpu_count` as well."
        )
    if not re.fullmatch(r"[\w.-]+", job.gpu_class or "any", re.ASCII):
        raise ValueError(f"{job.gpu_class!r} is no type of GPU: Slurm would read it otherwise.")
    for name in job.environment:
        if not (name.isascii() and name.isidentifier()):
            raise ValueError(
                f"{name!r} is in its environment, and no shell can set a variable of that name. "
                "Rename it where the step or stack sets it."
            )


def resource_options(job: Job) -> list[str]:
    """Say where a job may run, and what it needs.

    Returns:
        Options. What the job does not say is left to the cluster's defaults.
    """
    settings = _settings(job)
    asked = {
        "partition": settings.partition,
        "account": settings.account,
        "qos": settings.qos,
        "time": settings.time_limit,
        "constraint": settings.constraint,
    }
    options = [*settings.extra_flags]
    options += [f"--{name}={value}" for name, value in asked.items() if value]
    if job.cpu is not None:
        options.append(f"--cpus-per-task={math.ceil(job.cpu)}")
    if job.memory is not None:
        options.append(f"--mem={-(-job.memory // MEBIBYTE)}M")
    if job.gpus is not None:
        kind = f":{job.gpu_class}" if job.gpu_class else ""
        options.append(f"--gres=gpu{kind}:{job.gpus}" if job.gpus else "--gres=none")
    return options


def job_options(job: Job) -> list[str]:
    """Say all that there is to say about a job."""
    belongs_to = " ".join(f"{name}={value}" for name, value in sorted(job.labels.items()))
    options = [
        *resource_options(job),
        f"--job-name={job.name}",
        f"--comment={belongs_to}",
        f"--output={job.name}.log",
        # ZenML retries steps inside their job; a second attempt would collide with the first.
        "--no-requeue",
    ]
    if job.depends_on:
        condition = "afterok" if job.start_when == "succeeded" else "afterany"
        options.append(f"--dependency={':'.join([condition, *job.depends_on])}")
        # A job that waits for the success of one that has failed would stay in the queue for ever.
        options.append("--kill-on-invalid-dep=yes")
    return options


def container_command(job: Job) -> list[str]:
    """Say what the job executes.

    Returns:
        The job's command, in its container if it has one.
    """
    if not job.image:
        return [*job.command]
    return [*_settings(job).container_command, job.image, *job.command]


def _settings(job: Job) -> AcmeOrchestratorSettings:
    if isinstance(job.settings, AcmeOrchestratorSettings):
        return job.settings
    return AcmeOrchestratorSettings()
