"""A worker's way to the process on its node that has imported ZenML (`warm_server.py`)."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import socket
import stat
import subprocess
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .core.supervised import NotAcceptedError, SupervisedProcess

if TYPE_CHECKING:
    from pathlib import Path

    from .run_job import ThisNode

SERVER_SECONDS = 120.0
"""How long a process may take to import ZenML."""


class WarmClient:
    """The process on this node that jobs are forked from; started when there is none."""

    def __init__(
        self, node: ThisNode, python: str, module: str, environment: Mapping[str, str]
    ) -> None:
        """Describe it.

        Args:
            node: This node.
            python: The interpreter.
            module: What it runs.
            environment: Its environment.

        Raises:
            OSError: If there is no directory for its socket that is this user's alone.
        """
        self.node = node
        self.command = [python, "-m", module]
        self.environment = dict(environment)
        what = json.dumps([self.command, sorted(environment.items())])
        self.key = hashlib.sha256(what.encode(errors="surrogateescape")).hexdigest()[:12]
        # Where Ray's own sockets are, and a shorter path than theirs: it has 107 bytes at most.
        self.path = _private(node.session / "zenml") / self.key

    def start(self, request: Mapping[str, Any], output: int) -> SupervisedProcess:
        """Have a process forked.

        Args:
            request: The fields of `supervisor.Request`.
            output: File descriptor for its output.

        Returns:
            The process.

        Raises:
            RuntimeError: If there is no server, and none can be started.
        """
        for _ in range(3):
            try:
                return SupervisedProcess(self._connect(), request, output)
            except NotAcceptedError:
                continue  # It has just gone, or what it has imported is out of date.
        raise RuntimeError(f"{' '.join(self.command)} does not stay; its log is {self._log}")

    @property
    def _log(self) -> Path:
        return self.node.logs / f"zenml-warm-server-{self.key}.log"

    def _connect(self) -> socket.socket:
        with open(f"{self.path}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.connect(str(self.path))
            except (FileNotFoundError, ConnectionRefusedError):
                self._start()
                connection.connect(str(self.path))
            return connection

    def _start(self) -> None:
        log = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            # It returns when the server listens, which is then no child of this worker: Ray ends
            # those when the worker ends.
            done = subprocess.run(
                [*self.command, str(self.path), str(os.getppid())],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                timeout=SERVER_SECONDS,
            )
        finally:
            os.close(log)
        if done.returncode:
            raise RuntimeError(
                f"{' '.join(self.command)} failed; its log is {self._log} on {self.node.address}. "
                "The interpreter must have ZenML and this package."
            )


def _private(directory: Path) -> Path:
    """Make a directory, unless it is there and this user's alone."""
    directory.mkdir(mode=0o700, exist_ok=True)
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o77:
        raise PermissionError(f"{directory} is not a directory of this user alone")
    return directory
