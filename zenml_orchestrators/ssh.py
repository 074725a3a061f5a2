"""ZenML's `ssh` orchestrator on an emulated remote host with Docker.

The real paramiko is asked to connect; `Host` answers in place of the other side. A container is a
job of the fake backend, and so is a process that the orchestrator starts in a container.
"""

from __future__ import annotations

import argparse
import io
import re
import shlex
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import paramiko
import yaml
from zenml.integrations.ssh.orchestrators import ssh_orchestrator
from zenml.orchestrators import BaseOrchestrator

from zenml_conformance.fake_backend import FakeBackend, Job, JobState
from zenml_conformance.protocol import EngineError
from zenml_orchestrators.emulation import (
    EmulatedHarness,
    directory_of_service,
    let_components_look_remote,
    with_local_stores,
)
from zenml_orchestrators.executions import Executions, Task

CONTAINER_NAME = r"[a-zA-Z0-9][a-zA-Z0-9_.-]+"
"""What Docker takes."""
SERVICE_NAME = r"[a-zA-Z0-9._-]+"
"""What Compose takes, according to its schema."""
PATIENCE = 600.0
"""Seconds after which `docker compose up` is given up here. The real one waits for ever."""


class Host:
    """The other side of the connection: a few commands, files, Docker and Docker Compose."""

    def __init__(self, backend: FakeBackend) -> None:
        """Point at the backend.

        Args:
            backend: Runs the containers.
        """
        self.backend = backend
        self.executions = Executions(backend, f"{__name__}:services_of")

    def execute(self, command: str) -> tuple[io.BytesIO, Any, io.BytesIO]:
        """Run a shell's command line, as far as ZenML writes such.

        Args:
            command: Commands, joined by `&&`.

        Returns:
            What paramiko gives: standard input, output and error.
        """
        code, problem = 0, ""
        try:
            directory = ""
            for part in command.split(" && "):
                name, *arguments = shlex.split(part)
                if name == "cd":
                    (directory,) = arguments
                elif name == "mkdir":
                    self._path(arguments[-1]).mkdir(parents=True, exist_ok=True)
                elif name == "rm":
                    self._path(arguments[-1]).unlink(missing_ok=True)
                elif name == "find":
                    pass  # It looks for what is a week old.
                elif name == "docker":
                    self._docker(arguments, directory)
                else:
                    raise NotImplementedError(f"the emulated host does not know {command!r}")
        except (EngineError, ValueError) as error:
            code, problem = 1, str(error)
        output = SimpleNamespace(
            read=lambda: b"", channel=SimpleNamespace(recv_exit_status=lambda: code)
        )
        return io.BytesIO(), output, io.BytesIO(problem.encode())

    # -- files ------------------------------------------------------------------------------

    def file(self, path: str, mode: str) -> Any:
        """Open a file, as SFTP does."""
        return self._path(path).open(mode, encoding="utf-8", newline="")

    def chmod(self, path: str, mode: int) -> None:
        """Change who may read a file."""
        self._path(path).chmod(mode)

    def close(self) -> None:
        """Close the connection."""

    def _path(self, path: str) -> Path:
        """Where a file of the host is on this machine: among what is searched for secrets."""
        return directory_of_service("host") / path.lstrip("/")

    # -- Docker -----------------------------------------------------------------------------

    def _docker(self, arguments: list[str], directory: str) -> None:
        if arguments[0] == "run":
            self._run(arguments[1:])
        elif arguments == ["compose", "up", "-d"]:
            self._compose_up(directory)
        elif arguments != ["--version"]:
            raise NotImplementedError(f"the emulated Docker does not know {arguments}")

    def _run(self, arguments: list[str]) -> None:
        """Start a container that is not waited for."""
        parser = argparse.ArgumentParser(exit_on_error=False)
        parser.add_argument("-d", action="store_true")
        for option in ("--name", "--network", "--env-file", "--entrypoint"):
            parser.add_argument(option)
        parser.add_argument("image")
        parser.add_argument("words", nargs=argparse.REMAINDER)
        said = parser.parse_args(arguments)
        self._take_name(said.name)
        lines = self._path(said.env_file).read_text(encoding="utf-8").split("\n")
        environment = dict(line.split("=", 1) for line in lines if line)
        self.backend.submit(
            Job(
                name=said.name,
                command=(said.entrypoint, *said.words),
                environment=with_local_stores(environment),
                image=said.image,
                spec={"arguments": arguments},
            )
        )

    def _compose_up(self, directory: str) -> None:
        """Create all services, start them one after the other, and return when all are started.

        `-d` leaves the last ones alone; those that others depend on are waited for, since it is
        the command that starts the next ones (`waitDependencies` in Compose's source). What
        Compose does with independent services after a failure depends on its version; here they
        are started.
        """
        text = self._path(f"{directory}/docker-compose.yml").read_text(encoding="utf-8")
        services: dict[str, Any] = interpolated(yaml.safe_load(text))["services"]
        for name, service in services.items():
            if not re.fullmatch(SERVICE_NAME, name):
                raise ValueError(f"services additional properties '{name}' not allowed")
            self._take_name(service["container_name"])
        project = Path(directory).name
        self.executions.start(services, project)
        jobs = self.executions.tasks(project)
        needed = {name for service in services.values() for name in service.get("depends_on", ())}
        deadline = time.monotonic() + PATIENCE
        while waiting := {name for name in needed if not self._state(jobs[name]).is_ended}:
            if time.monotonic() > deadline:
                raise ValueError(f"not ended within {PATIENCE:.0f} s: {', '.join(waiting)}")
            self.backend.wait_for_change([jobs[name] for name in waiting], timeout=1)
        for name in needed:
            if self._state(jobs[name]) is not JobState.SUCCEEDED:
                raise ValueError(f'service "{name}" didn\'t complete successfully: exit 1')

    def _state(self, job_id: str) -> JobState:
        """Ask for a container's state until there is an answer: Docker is on the same host."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return self.backend.status(job_id)
            except EngineError:
                if time.monotonic() > deadline:
                    raise

    def _take_name(self, name: str) -> None:
        """Give a name to a new container: no other may have it, not even one that has ended."""
        if not re.fullmatch(CONTAINER_NAME, name):
            raise ValueError(f"Invalid container name ({name}), only {CONTAINER_NAME} are allowed")
        if f"containers/{name}" in self.backend.notes():
            raise ValueError(f'Conflict. The container name "/{name}" is already in use')
        self.backend.note(f"containers/{name}", True)


class Process:
    """A process in the calling process's container: what `subprocess.Popen` gives.

    The real one would end with its container. This one goes on.
    """

    def __init__(self, backend: FakeBackend, command: list[str], env: dict[str, str]) -> None:
        """Start it.

        Args:
            backend: Runs it.
            command: Its command line.
            env: Its whole environment.
        """
        self._backend = backend
        container = backend.this_job()
        self._id = backend.submit(
            Job(
                name=f"process-{uuid4().hex}",
                command=tuple(command),
                environment=env,
                image=container.job.image if container else None,
            )
        )

    @property
    def pid(self) -> int:
        """Its number, which is that of its process group as well."""
        records, _ = self._backend.jobs()
        return next(record.pid for record in records if record.id == self._id) or 0

    def poll(self) -> int | None:
        """Give its exit code; None: it runs."""
        if not self._backend.status(self._id).is_ended:
            return None
        records, _ = self._backend.jobs()
        code = next(record.exit_code for record in records if record.id == self._id)
        return 1 if code is None else code

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end."""
        deadline = time.monotonic() + (PATIENCE if timeout is None else timeout)
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("a process in a container", timeout or PATIENCE)
            self._backend.wait_for_change([self._id], timeout=0.5)
        return code


def services_of(services: dict[str, Any], project: str) -> list[Task]:
    """Interpret the services of a Compose file.

    Args:
        services: By name.
        project: The project's name.

    Returns:
        A task for each.
    """
    return [
        Task(name, job_of(service), tuple(service.get("depends_on", ())))
        for name, service in services.items()
    ]


def job_of(service: dict[str, Any]) -> Job:
    """Say in the suite's words what a service says.

    Args:
        service: The service.

    Returns:
        The job.
    """
    return Job(
        name=service["container_name"],
        command=(*service["entrypoint"], *service["command"]),
        environment=with_local_stores(service["environment"]),
        image=service["image"],
        spec={**service, "environment": list(service["environment"])},
    )


def interpolated(value: Any) -> Any:
    """Do with dollars what Compose does, as far as they are escaped.

    Args:
        value: A Compose file, or a part of it.

    Returns:
        The same with `$` for `$$`.
    """
    if isinstance(value, dict):
        return {interpolated(key): interpolated(item) for key, item in value.items()}
    if isinstance(value, list):
        return [interpolated(item) for item in value]
    return value.replace("$$", "$") if isinstance(value, str) else value


class SSHHarness(EmulatedHarness):
    """Connects ZenML's `ssh` orchestrator through an emulated remote host."""

    job_name_pattern = CONTAINER_NAME

    def config(self) -> dict[str, Any]:
        """Give what the component needs; nobody has this host, or this key."""
        key = io.StringIO()
        paramiko.ECDSAKey.generate().write_private_key(key)
        return {
            "hostname": "ssh.conformance.invalid",
            "username": "nobody",
            "ssh_private_key": key.getvalue(),
            "verify_host_key": False,
            # The emulated host does not say how much of its disk is free.
            "minimum_free_disk_gb": 0,
        }

    def connect(self, orchestrator_class: type[BaseOrchestrator], backend: FakeBackend) -> None:
        """Answer on the connection, and start processes where the suite sees them."""
        host = Host(backend)
        client: Any = paramiko.SSHClient
        client.connect = lambda self, **_: None
        client.get_transport = lambda self: None
        client.exec_command = lambda self, command, **_: host.execute(command)
        client.open_sftp = lambda self: host
        module: Any = ssh_orchestrator
        module.subprocess = SimpleNamespace(
            Popen=lambda command, env, **_: Process(backend, command, env),
            TimeoutExpired=subprocess.TimeoutExpired,
        )
        let_components_look_remote()
