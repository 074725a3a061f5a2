"""Start the processes of jobs, those of steps from a process that has imported ZenML.

    python -m PACKAGE.core.launcher MODULE ARGUMENT...

runs a module in a process that has such a *fork server*, which starts before the module, so that
both import ZenML at the same time. Steps do not depend on it once they run: each has a supervisor
of its own.
"""

from __future__ import annotations

import importlib
import os
import runpy
import socket
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from .fork_server import ForkServer
from .supervised import NotAcceptedError, SupervisedProcess, start_supervisor

_SERVE = "--serve"

_environment = dict(os.environ)
_server: tuple[subprocess.Popen[bytes], socket.socket] | None = None


def start_server() -> None:
    """Start the fork server of this process, unless it runs already."""
    global _server
    if _server is not None:
        process, control = _server
        if process.poll() is None:
            return
        control.close()
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", __name__, _SERVE, str(theirs.fileno())],
            env=_environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Signals for this process's group are not meant for it.
            pass_fds=[theirs.fileno()],
        )
    _server = process, ours


def start(request: Mapping[str, Any], output: int, forked: bool) -> SupervisedProcess:
    """Start the process of a job.

    Args:
        request: The fields of `supervisor.Request`.
        output: File descriptor for its output.
        forked: Whether to fork it from the fork server, if that is possible.

    Returns:
        The process.
    """
    if forked:
        try:
            return SupervisedProcess(_connect(), request, output)
        except (NotAcceptedError, OSError):
            pass  # The server was killed, or what it has imported has changed. The next is new.
    supervisor = start_supervisor(
        sys.executable, f"{__package__}.supervisor", request["environment"], output
    )
    return SupervisedProcess(supervisor, request, output)


def _connect() -> socket.socket:
    start_server()
    if _server is None:
        raise ConnectionError("there is no fork server")
    ours, theirs = socket.socketpair()
    with theirs:
        socket.send_fds(_server[1], [b"+"], [theirs.fileno()])
    return ours


class _Server(ForkServer):
    """The fork server. Connections come in through a socket that no other process can reach."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control

    def accept(self) -> socket.socket | None:
        while True:
            data, descriptors, _, _ = socket.recv_fds(self.control, 1, 1)
            if descriptors:
                return socket.socket(fileno=descriptors[0])
            if not data:
                return None

    def close(self) -> None:
        self.control.close()


def main() -> None:
    """Be the fork server; or start it, then run the module that the command line names."""
    if sys.argv[1] == _SERVE:
        _Server(socket.socket(fileno=int(sys.argv[2]))).serve()
        return
    # This module is `__main__` here, and another one for those that import it.
    importlib.import_module(f"{__package__}.launcher").start_server()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
