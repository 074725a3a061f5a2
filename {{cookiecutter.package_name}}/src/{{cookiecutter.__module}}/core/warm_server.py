"""A process that has imported ZenML, and of which jobs are forks.

    python -m PACKAGE.core.warm_server SOCKET SECONDS [PID]

Importing ZenML takes a new interpreter several seconds, most of what a small step costs. Nothing
else is imported, no code of the user runs here, and no store is opened: a job that is a fork of
this process can't tell it from a new interpreter, nor which jobs came before it.

`warm_client.py` starts a server where there is none. It ends when none of its jobs has been alive
for SECONDS, when a file that it has imported has changed, when its socket is removed, and with the
process PID. Its jobs do not need it: each has a supervisor of its own.
"""

from __future__ import annotations

import fcntl
import gc
import os
import socket
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from select import select

from . import warm_client, warm_start
from .supervisor import supervise
from .warm_client import WarmClient, address, is_own, open_private

CHECK_SECONDS = 1.0
"""How often to look whether the server is needed."""


class WarmServer:
    """Forks a supervisor for each connection, and does nothing else.

    It never reads from a connection, so that nothing which is sent, or is not, can end it.
    """

    def __init__(self, path: Path, seconds: str, ends_with: str | None = None) -> None:
        """Listen; import nothing yet.

        Args:
            path: The socket.
            seconds: How long to stay when no job is alive.
            ends_with: A process without which this one is not needed.
        """
        self.path = path
        self.seconds = float(seconds)
        self.folder = open_private(path.parent)
        self.listener = socket.socket(socket.AF_UNIX)
        self._unlink(path.name)  # Of a server that was killed.
        self.listener.bind(address(self.folder, path))
        self.listener.listen(1000)
        self.socket_state = _state([str(path)])
        self.process = None if ends_with is None else os.pidfd_open(int(ends_with))

    def serve(self) -> None:
        """Serve as long as this process is needed, and what it has imported is what is installed.

        Returns in the process of a job as well, when the program of the job has returned.
        """
        environment = dict(os.environ)
        from . import preloaded

        del preloaded
        imported = _state({*_paths()})
        os.chdir("/")  # Jobs go to their own directory, and this one may be removed.
        # A fork would have to copy everything for its garbage collector, and once more to end.
        gc.collect()
        gc.freeze()
        while (connection := self._accept()) is not None:
            with connection:
                if not is_own(connection):
                    continue
                if _state(imported) != imported:
                    self._end()  # First: when the connection is closed, the client looks again.
                    return
                try:
                    is_server = bool(os.fork())
                except OSError:
                    continue  # There is no room. The connection is closed, which tells it.
                if not is_server:
                    self._close()
                    supervise(connection, partial(warm_start.run, inherited=environment))
                    return
        self._end()

    def _accept(self) -> socket.socket | None:
        """Wait for a connection; return None if the server is not needed any more."""
        sources: list[socket.socket | int] = [self.listener]
        if self.process is not None:
            sources.append(self.process)
        used = time.monotonic()
        while True:
            ready = select(sources, [], [], CHECK_SECONDS)[0]
            if self.process in ready or _state([str(self.path)]) != self.socket_state:
                return None
            if ready:
                with suppress(OSError):
                    return self.listener.accept()[0]
            if _has_children():
                used = time.monotonic()
            elif time.monotonic() - used >= self.seconds:
                return None

    def _end(self) -> None:
        """Leave nothing behind. Connections that wait are closed, and another server is started."""
        fcntl.flock(self.folder, fcntl.LOCK_EX)
        if _state([str(self.path)]) == self.socket_state:
            for name in (self.path.name, f"{self.path.name}.log"):
                self._unlink(name)
        self._close()

    def _unlink(self, name: str) -> None:
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self.folder)

    def _close(self) -> None:
        self.listener.close()
        os.close(self.folder)
        if self.process is not None:
            os.close(self.process)


def _has_children() -> bool:
    """Take note of supervisors that have ended; say whether there are others."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _paths() -> Iterator[str]:
    """The interpreter, what was imported, and where more would come from."""
    yield sys.executable
    for module in list(sys.modules.values()):
        if path := getattr(module, "__file__", None):
            yield path
    yield from sys.path[1:]


def _state(paths: Iterable[str]) -> dict[str, tuple[int, int, int]]:
    """What changes when a file is written or replaced."""
    state = {}
    for path in paths:
        with suppress(OSError):
            status = os.stat(path)
            state[path] = status.st_ino, status.st_size, status.st_mtime_ns
    return state


def main() -> None:
    """Start the server, and return as soon as it listens."""
    path, lifetime = Path(sys.argv[1]), tuple(sys.argv[2:])
    server = WarmServer(path, *lifetime)
    warm_client.own = WarmClient(path, sys.executable, dict(os.environ), os.getcwd(), lifetime)
    if os.fork() == 0:
        server.serve()


if __name__ == "__main__":
    main()
