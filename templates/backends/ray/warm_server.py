"""The process on a node that has imported ZenML, and of which jobs are forks.

    python -m example_pkg.warm_server SOCKET RAYLET_PID

One server serves all runs that have the same Python, the same installed packages and the same of
those variables that may be read when a process starts. It ends when nobody has wanted anything for
a while, and with the node.
"""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress
from select import select

from .core.fork_server import ForkServer

IDLE_SECONDS = 600.0
"""How long to wait for another job."""


class WarmServer(ForkServer):
    """A fork server that any process of this user on the node can connect to."""

    def __init__(self, path: str, raylet: int) -> None:
        """Listen; import nothing yet.

        Args:
            path: The socket.
            raylet: Process of the node's raylet.
        """
        self.path = path
        self.raylet = os.pidfd_open(raylet)
        self.listener = socket.socket(socket.AF_UNIX)
        with suppress(FileNotFoundError):
            os.unlink(path)  # Of a server that was killed.
        self.listener.bind(path)
        self.listener.listen(1000)

    def accept(self) -> socket.socket | None:
        """Wait for a connection, as long as there is a node, and sometimes something to do."""
        sources: list[socket.socket | int] = [self.listener, self.raylet]
        while select(sources, [], [], IDLE_SECONDS)[0] == [self.listener]:
            with suppress(OSError):
                return self.listener.accept()[0]
        return None

    def close(self) -> None:
        """Accept no more connections. Whoever comes now starts another server."""
        os.close(self.raylet)
        self.listener.close()


def main() -> None:
    """Start the server, and return as soon as it listens."""
    server = WarmServer(sys.argv[1], int(sys.argv[2]))
    if os.fork() == 0:
        server.serve()


if __name__ == "__main__":
    main()
