"""Start jobs as forks of a process that has imported ZenML (`warm_server.py`).

There is a server for each interpreter, and for all that a process has from its beginning. It is
kept between runs. Nothing depends on it: where there is none, and none can be had, a job is a new
interpreter.

This module may be used where this package is not installed. It imports `supervised.py` alone.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import re
import resource
import socket
import struct
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .supervised import NotAcceptedError, SupervisedProcess, start_supervisor

logger = logging.getLogger(__name__)

ATTEMPTS = 2
"""How often to ask for a fork: a server may just have ended, as when a package has changed."""

LISTEN_SECONDS = 60.0
"""How long a server may take to listen. It imports ZenML only then."""

KEPT = 4
"""How many servers are kept, where runs differ in what a process has from its beginning."""


@dataclass(frozen=True)
class WarmClient:
    """Starts processes of jobs, as forks of a server if possible.

    Attributes:
        path: The socket of the server.
        python: Its interpreter.
        environment: Its environment (`warm_start.server_environment`).
        directory: Its working directory, where Python looks for modules as well.
        lifetime: How long it stays; the other arguments of `warm_server.py`.
    """

    path: Path
    python: str
    environment: Mapping[str, str]
    directory: str
    lifetime: tuple[str, ...]

    @classmethod
    def find(
        cls,
        folder: Path,
        python: str,
        environment: Mapping[str, str],
        directory: str,
        seconds: float,
        ends_with: int | None = None,
    ) -> WarmClient:
        """Find the server whose jobs are like processes that are started here.

        Args:
            folder: Where the sockets are; private, and made if it is not there.
            python: The interpreter.
            environment: Its environment.
            directory: Its working directory.
            seconds: How long it stays when none of its jobs is alive.
            ends_with: A process with which it ends; None for none.
        """
        lifetime = (str(seconds), *([] if ends_with is None else [str(ends_with)]))
        what = [python, sorted(environment.items()), directory, lifetime, *_inherited()]
        key = hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16]
        return cls(folder / key, python, environment, directory, lifetime)

    def start(self, request: Mapping[str, Any], output: int) -> SupervisedProcess:
        """Start the process of a job.

        Args:
            request: The fields of `supervisor.Request`.
            output: File descriptor for its output.

        Raises:
            OSError: If there is no such interpreter.
            subprocess.SubprocessError: If it does not have this package.
        """
        for _ in range(ATTEMPTS):
            try:
                connection = self._connect()
            except (OSError, subprocess.SubprocessError) as error:
                logger.warning("A job has to import ZenML itself: there is no server. %s", error)
                break
            with suppress(NotAcceptedError):
                return SupervisedProcess(connection, request, output)
        connection = start_supervisor(
            self.python, f"{__package__}.supervisor", request["environment"], output
        )
        return SupervisedProcess(connection, request, output)

    def _connect(self) -> socket.socket:
        folder = open_private(self.path.parent)
        try:
            # Only one process starts a server, and none is started while another one goes.
            fcntl.flock(folder, fcntl.LOCK_EX)
            try:
                connection = _connected(folder, self.path)
            except (FileNotFoundError, ConnectionRefusedError):
                self._start()
                connection = _connected(folder, self.path)
        finally:
            os.close(folder)
        if not is_own(connection):
            connection.close()
            raise PermissionError(f"{self.path} is a socket of another user")
        return connection

    def _start(self) -> None:
        self._end_oldest()
        path_of_log = f"{self.path}.log"
        log = os.open(path_of_log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            # It returns when the server listens, which is not a child of this process then.
            done = subprocess.run(
                [self.python, "-m", f"{__package__}.warm_server", str(self.path), *self.lifetime],
                cwd=self.directory,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                timeout=LISTEN_SECONDS,
            )
        finally:
            os.close(log)
        if done.returncode:
            raise ConnectionError(f"{self.python} could not start one; {path_of_log} tells why")

    def _end_oldest(self) -> None:
        """Make room: a server ends when its socket is removed."""
        sockets = {path for path in self.path.parent.iterdir() if path.is_socket()} - {self.path}
        newest_first = sorted(sockets, key=lambda path: path.stat().st_mtime, reverse=True)
        for path in newest_first[KEPT - 1 :]:
            path.unlink()
            Path(f"{path}.log").unlink(missing_ok=True)


own: WarmClient | None = None
"""In a server, and in a job that was forked from one, the way to this server."""


def open_private(folder: Path) -> int:
    """Open a folder, which is made if need be.

    Raises:
        OSError: If it is not a folder of this user alone.
    """
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    status = os.fstat(descriptor)
    if status.st_uid != os.geteuid() or status.st_mode & 0o77:
        os.close(descriptor)
        raise PermissionError(f"{folder} is not a folder of this user alone")
    return descriptor


def address(folder: int, path: Path) -> str:
    """Return the address of a socket: its path, which may be too long for one.

    Args:
        folder: File descriptor of its folder.
        path: The socket.
    """
    links = Path("/proc/self/fd")
    return str(links / str(folder) / path.name if links.exists() else path)


def is_own(connection: socket.socket) -> bool:
    """Say whether the other end belongs to this user, as far as the system tells."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return bool(struct.unpack("=iII", credentials)[1] == os.geteuid())


def _connected(folder: int, path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(address(folder, path))
    except BaseException:
        connection.close()
        raise
    return connection


_INHERITED = re.compile(
    r"^(?:Umask|Uid|Gid|Groups|Cap\w+|NoNewPrivs|Seccomp|Cpus_allowed|Mems_allowed):.*", re.M
)


def _inherited() -> Iterator[Any]:
    """What a new process has from its parent beside its environment, as far as it can be read."""
    yield os.getpriority(os.PRIO_PROCESS, 0)
    limits = (name for name in dir(resource) if name.startswith("RLIMIT_"))
    yield [resource.getrlimit(getattr(resource, name)) for name in limits]
    process = Path("/proc/thread-self")
    with suppress(OSError):
        yield _INHERITED.findall((process / "status").read_text())
        yield [os.readlink(link) for link in sorted((process / "ns").iterdir())]
        yield [(process / name).read_text() for name in ("cgroup", "oom_score_adj")]
