"""A process that has imported ZenML, and of which jobs are forks.

Importing ZenML takes a new interpreter several seconds, most of what a small step costs. Nothing
else is imported, and none of the user's code: a job that is a fork of this process can't tell it
from a new interpreter.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from . import warm_start
from .supervisor import supervise

if TYPE_CHECKING:
    import socket


class ForkServer(ABC):
    """Forks a supervisor for each connection, and does nothing else.

    It never reads from a connection, so that nothing which is sent, or is not, can end it.
    """

    @abstractmethod
    def accept(self) -> socket.socket | None:
        """Wait for a connection.

        Returns:
            The connection; None if this process is not needed any more.
        """

    @abstractmethod
    def close(self) -> None:
        """Accept no more connections: those that wait are closed."""

    def serve(self) -> None:
        """Serve until this process is not needed any more, or what it has imported has changed.

        Returns in the process of a job as well, when the program of the job has returned.
        """
        environment = dict(os.environ)
        from . import preloaded

        del preloaded
        imported = _state({*_paths()})
        # A fork would have to copy everything for its garbage collector, and once more to end.
        gc.collect()
        gc.freeze()
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # Nobody asks how a supervisor has ended.
        while (connection := self.accept()) is not None:
            with connection:
                if _state(imported) != imported:
                    break
                try:
                    is_server = bool(os.fork())
                except OSError:
                    continue  # There is no room. The connection is closed, which tells it.
                if not is_server:
                    self.close()
                    supervise(connection, partial(warm_start.run, inherited=environment))
                    return
        self.close()


def _paths() -> Iterator[str]:
    """What was imported, and where more would come from."""
    for module in list(sys.modules.values()):
        if path := getattr(module, "__file__", None):
            yield path
    yield from sys.path[1:]


def _state(paths: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Sizes, and times of the last change."""
    state = {}
    for path in paths:
        with suppress(OSError):
            status = os.stat(path)
            state[path] = status.st_size, status.st_mtime_ns
    return state
