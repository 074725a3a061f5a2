"""A job in the words of Ray. This file is yours."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from .config import AcmeOrchestratorSettings
from .core.jobs import Job

OF_THE_RUN = ("working_dir", "py_modules", "excludes")
"""Parts of a runtime environment that are uploaded when a run begins, and are the same for all."""

WITH_PYTHON = ("pip", "uv", "conda", "py_executable", "image_uri", "container")
"""Parts of a runtime environment that bring an interpreter along."""


def task_options(job: Job) -> dict[str, Any]:
    """Say what a job needs.

    Returns:
        Options of a task. What a step does not say is Ray's default: one core. What looks after a
        run has none, or it could keep its own steps from running.

    Raises:
        ValueError: If Ray has no words for it.
    """
    settings = job_settings(job)
    options: dict[str, Any] = {
        "num_cpus": job.cpu if job.cpu is not None else float(job.is_step),
        "num_gpus": job.gpus or 0,
        "resources": {**settings.resources},
    }
    if job.memory:
        options["memory"] = job.memory
    if job.gpu_class is not None:
        if not job.gpus:
            raise ValueError(
                f"It asks for GPUs of the class {job.gpu_class!r} and not for how many. Set "
                "`gpu_count` as well."
            )
        options["accelerator_type"] = job.gpu_class
    if own := {n: v for n, v in settings.runtime_env.items() if n not in OF_THE_RUN}:
        options["runtime_env"] = own
    return options


def check_resources(options: Mapping[str, Any], nodes: Sequence[Mapping[str, float]]) -> None:
    """Refuse a job for which there is no node.

    Args:
        options: What it needs.
        nodes: What each node has.

    Raises:
        ValueError: If there is none; says which resource no node has enough of, or that no node
            has enough of all.
    """
    asked = {
        "CPU": options["num_cpus"],
        "GPU": options["num_gpus"],
        "memory": options.get("memory", 0),
        **options["resources"],
    }
    if kind := options.get("accelerator_type"):
        asked[f"accelerator_type:{kind}"] = 0.001
    for name, amount in asked.items():
        most = max((node.get(name, 0.0) for node in nodes), default=0.0)
        if amount > most:
            raise ValueError(
                f"It asks for {amount:.15g} of {name!r}, and no node of the cluster has more than "
                f"{most:.15g}. {_KNOWN}"
            )
    if not any(
        all(node.get(name, 0.0) >= amount for name, amount in asked.items()) for node in nodes
    ):
        wanted = ", ".join(f"{amount:.15g} of {name!r}" for name, amount in asked.items() if amount)
        raise ValueError(f"It asks for {wanted}, and no node of the cluster has all. {_KNOWN}")


_KNOWN = "If nodes are added when they are needed, set `autoscaling` on the orchestrator."


def interpreter(job: Job) -> str | None:
    """Say which Python runs a job.

    Returns:
        Its path on the nodes; None for that of Ray's worker.
    """
    settings = job_settings(job)
    if settings.python:
        return settings.python
    if any(name in settings.runtime_env for name in WITH_PYTHON):
        return None
    return sys.executable


def job_settings(job: Job) -> AcmeOrchestratorSettings:
    """Return the settings of a job."""
    if isinstance(job.settings, AcmeOrchestratorSettings):
        return job.settings
    return AcmeOrchestratorSettings()
