"""An emulation of AWS: moto's server, with what its Batch lacks for jobs to be as on the real one.

    python tools/engines/aws_emulation.py PORT

Batch's jobs are containers of the engine that `DOCKER_HOST` leads to. Moto knows nothing of what is
added here: a job waits until there is room; a container gets the secrets that its job definition
refers to, limits, an init process, the variables that AWS gives to all, and SIGTERM a while before
SIGKILL when its job is ended.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from types import SimpleNamespace
from typing import Any

from moto.batch import models
from moto.secretsmanager import secretsmanager_backends
from moto.server import main

from emulated_aws import ACCOUNT, CREDENTIALS

GRACE_SECONDS = 30
"""Between SIGTERM and SIGKILL, as the agent of ECS has it by default."""

MEBIBYTE = 2**20

ROOM = threading.BoundedSemaphore(12)
"""For so many jobs at a time. Control jobs take a place each, and must leave some to the others."""

LOOK_SECONDS = 0.2
"""How often a job that waits for room looks whether it is to end."""


class ContainerJob(models.Job):  # type: ignore[misc]
    """A job as Batch runs it."""

    __module__ = models.__name__  # By which moto knows the service.

    @property
    def docker_client(self) -> SimpleNamespace:
        """What moto starts the container with."""
        return SimpleNamespace(containers=SimpleNamespace(run=self._run_container))

    _has_room = False

    def run(self) -> None:
        """Run the container, as moto does, and make room for another job at the end."""
        try:
            super().run()
        finally:
            if self._has_room:
                ROOM.release()

    def _start_attempt(self) -> None:
        """Wait for room; called while the job is RUNNABLE.

        Raises:
            RuntimeError: If the job is ended before there is any.
        """
        while not self._has_room:
            if self.stop:
                raise RuntimeError(f"{self.job_id} was ended before there was room for it")
            self._has_room = ROOM.acquire(timeout=LOOK_SECONDS)
        super()._start_attempt()

    def _container_details(self) -> dict[str, Any]:
        properties = self.job_definition.container_properties
        told = ("resourceRequirements", "secrets", "jobRoleArn", "executionRoleArn", "image")
        details: dict[str, Any] = super()._container_details()
        return {**details, **{name: properties[name] for name in told if name in properties}}

    def _run_container(self, **arguments: Any) -> Container:
        properties = self.job_definition.container_properties
        asked = {entry["type"]: entry["value"] for entry in properties["resourceRequirements"]}
        given = {n: v for n, v in arguments["environment"].items() if not n.startswith("MOTO_")}
        client = super().docker_client
        container = client.containers.run(
            **{
                **arguments,
                "environment": {**self._own_variables(), **given, **self._secrets()},
                "init": properties.get("linuxParameters", {}).get("initProcessEnabled", False),
                "mem_limit": int(asked["MEMORY"]) * MEBIBYTE,
                "network_mode": "host",
                "extra_hosts": None,
            }
        )
        return Container(container)

    def _own_variables(self) -> dict[str, str]:
        """What AWS gives to a container; credentials, too, although in another way."""
        return {
            **CREDENTIALS,
            "AWS_ENDPOINT_URL": os.environ["AWS_ENDPOINT_URL"],
            "AWS_BATCH_JOB_ATTEMPT": "1",
            "AWS_BATCH_JQ_NAME": self.job_queue.name,
        }

    def _secrets(self) -> dict[str, str]:
        region = self.job_definition._region
        values = {}
        for reference in self.job_definition.container_properties["secrets"]:
            secret, key, _, _ = reference["valueFrom"].rsplit(":", 3)
            found = secretsmanager_backends[ACCOUNT][region].get_secret_value(secret, "", "")
            values[reference["name"]] = json.loads(found["SecretString"])[key]
        return values


class Container:
    """A container that can react before it is killed."""

    def __init__(self, container: Any) -> None:
        """Enclose one of docker-py's."""
        self._container = container

    def __getattr__(self, name: str) -> Any:
        """Be that one in everything else."""
        return getattr(self._container, name)

    def kill(self) -> None:
        """Send SIGTERM, and SIGKILL when the time is up."""
        self._container.stop(timeout=GRACE_SECONDS)


if __name__ == "__main__":
    port = sys.argv[1]
    os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{port}"
    models.Job = ContainerJob
    main(["-H", "127.0.0.1", "-p", port])
