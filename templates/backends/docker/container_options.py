"""A job in the words of Docker's API."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from docker.types import DeviceRequest, Mount
from zenml.constants import (
    ENV_ZENML_DISABLE_DATABASE_MIGRATION,
    ENV_ZENML_LOCAL_STORES_PATH,
    ENV_ZENML_STORE_PREFIX,
)

from .config import AcmeOrchestratorSettings as Settings
from .core.jobs import Job

LABEL = "zenml."
"""What the orchestrator's own labels start with."""

WRITE_TO_FILE = 'echo "The output is in $0"; exec "$@" >>"$0" 2>&1'
"""A script that becomes the program it is given. What that prints outlives the container."""

SQLITE = "sqlite:///"

LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""Where a ZenML server listens that only its own machine reaches."""


def container_options(job: Job, log: Path | None, rootless: bool) -> dict[str, Any]:
    """Translate a job.

    Args:
        job: The job.
        log: File to print to, on the machine of the engine; None: to the engine.
        rootless: Whether the engine's root is the user that runs the engine.

    Returns:
        Arguments of `docker.models.containers.ContainerCollection.create`.
    """
    settings = job_settings(job)
    local = _local_directories(job) if log else set()
    shared = local | ({log.parent} if log else set())
    environment = dict(job.environment)
    user = settings.user
    if local:
        # The client has migrated its database already, and a container's ZenML may be another.
        environment.setdefault(ENV_ZENML_DISABLE_DATABASE_MIGRATION, "true")
        user = user or _owner(min(local), rootless)
        if settings.user is None and user != "0:0":
            environment.setdefault("HOME", "/tmp")  # noqa: S108 - it has none in the image
    return {
        **settings.run_args,
        "name": job.name,
        "image": job.image,
        "entrypoint": ["sh", "-c", WRITE_TO_FILE, str(log)] if log else [job.command[0]],
        "command": list(job.command if log else job.command[1:]),
        "environment": environment,
        "working_dir": "/app",
        "user": user,
        "labels": {
            **settings.labels,
            **{f"{LABEL}{name}": value for name, value in job.labels.items()},
        },
        "volumes": settings.volumes,
        "mounts": [Mount(str(path), str(path), "bind") for path in sorted(shared)],
        "pid_mode": settings.pid_mode,
        # The first process of a container is deaf to signals that it does not handle, and Python
        # handles none while it imports. With the machine's processes there is another first one.
        "init": settings.pid_mode is None,
        "stop_signal": "SIGTERM",
        "auto_remove": True,
        "restart_policy": {"Name": "no"},
        **_network_options(settings, job.environment),
        **resource_options(job),
    }


def resource_options(job: Job) -> dict[str, Any]:
    """Translate what a job asks for.

    Returns:
        Arguments of `docker.models.containers.ContainerCollection.create`.
    """
    options: dict[str, Any] = {}
    if job.cpu is not None:
        options["nano_cpus"] = round(job.cpu * 1e9)
    if job.memory is not None:
        # Without more swap than memory: there is none.
        options |= {"mem_limit": job.memory, "memswap_limit": job.memory}
    if job.gpus:
        ids = job_settings(job).gpu_device_ids
        which = {"device_ids": ids[: job.gpus]} if ids else {"count": job.gpus}
        options["device_requests"] = [DeviceRequest(capabilities=[["gpu"]], **which)]
    return options


def job_settings(job: Job) -> Settings:
    """Return the settings of a job."""
    return job.settings if isinstance(job.settings, Settings) else Settings()


def _network_options(settings: Settings, environment: Mapping[str, str]) -> dict[str, Any]:
    network = settings.network
    store = urlparse(environment.get(f"{ENV_ZENML_STORE_PREFIX}URL", ""))
    if network is None and store.hostname in LOOPBACK and sys.platform == "linux":
        network = "host"  # Elsewhere, the machine of the engine is not the client's.
    if network is not None and (network in ("host", "none") or network.startswith("container:")):
        return {"network_mode": network}
    # Where ZenML looks for a server that the client calls `localhost`.
    hosts = {"host.docker.internal": "host-gateway", **settings.run_args.get("extra_hosts", {})}
    return {"network": network, "extra_hosts": hosts}


def _local_directories(job: Job) -> set[Path]:
    """What a job needs of the client's machine: ZenML's database, artifacts, or neither."""
    paths = []
    if stores := job.environment.get(ENV_ZENML_LOCAL_STORES_PATH):
        paths.append(Path(stores))
    url = job.environment.get(f"{ENV_ZENML_STORE_PREFIX}URL", "")
    if url.startswith(SQLITE):
        paths.append(Path(url.removeprefix(SQLITE)).parent)
    return {path for path in paths if not any(other in path.parents for other in paths)}


def _owner(directory: Path, rootless: bool) -> str:
    if rootless:
        return "0:0"
    status = os.stat(directory)
    return f"{status.st_uid}:{status.st_gid}"
