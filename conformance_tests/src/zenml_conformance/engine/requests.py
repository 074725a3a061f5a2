"""The engine's end of its socket: requests come in, answers go out, some of them later."""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

from zenml_conformance.fake_backend.table import Rejected

LINE_SECONDS = 10.0
"""How long a caller may take to send its line: one that does not must not hold up all others."""

Operation = Callable[..., Any]


class Later(Exception):
    """Raised by an operation whose answer comes later."""

    def __init__(self, answer: Callable[[bool], Any | None], timeout: float) -> None:
        """Describe the answer.

        Args:
            answer: Called with "is the deadline over?"; None: still unknown.
            timeout: Seconds until it must be given.
        """
        self.answer = answer
        self.timeout = timeout


class Waiter:
    """A request whose answer is not known yet."""

    def __init__(self, connection: socket.socket, later: Later) -> None:
        """Hold a connection open.

        Args:
            connection: Where the answer goes.
            later: The answer.
        """
        self.connection = connection
        self.answer = later.answer
        self.deadline = time.monotonic() + later.timeout


class Requests:
    """Accepts requests and answers them, those that must wait included."""

    def __init__(self, socket_path: str, find_operation: Callable[[str], Operation]) -> None:
        """Listen.

        Args:
            socket_path: Where.
            find_operation: Gives the operation of a name. It is called with the `caller`, the id
                of the process that asks, and the request's arguments.
        """
        self._find_operation = find_operation
        self._waiters: list[Waiter] = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(socket_path)
        self.listener.listen(128)

    def accept(self) -> None:
        """Take one request and answer it, or keep it for `answer_waiters`."""
        connection, _ = self.listener.accept()
        connection.settimeout(LINE_SECONDS)
        try:
            request = json.loads(_read_line(connection))
            operation = self._find_operation(request.pop("op"))
            reply = {"result": operation(caller=_process_of(connection), **request)}
        except Later as later:
            self._waiters.append(Waiter(connection, later))
            return
        except Exception as error:
            reply = {"error": f"{error}" if isinstance(error, Rejected) else repr(error)}
        _reply(connection, reply)

    def answer_waiters(self) -> None:
        """Answer the requests whose answer is known by now, or whose time is up."""
        now = time.monotonic()
        for waiter in list(self._waiters):
            result = waiter.answer(now >= waiter.deadline)
            if result is not None:
                self._waiters.remove(waiter)
                _reply(waiter.connection, {"result": result})

    @property
    def deadlines(self) -> list[float]:
        """When a waiter must have its answer, on the monotonic clock."""
        return [waiter.deadline for waiter in self._waiters]


def _read_line(connection: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        chunk = connection.recv(1 << 16)
        if not chunk:
            raise ValueError("the caller hung up")
        line += chunk
    return line


def _process_of(connection: socket.socket) -> int:
    """The id of the process at the other end."""
    layout = "3i"  # Of `struct ucred`: process, user, group.
    size = struct.calcsize(layout)
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    process: int = struct.unpack(layout, credentials)[0]
    return process


def _reply(connection: socket.socket, reply: dict[str, Any]) -> None:
    try:
        connection.sendall(json.dumps(reply).encode())
    except OSError:
        pass  # The caller was killed while it waited: scenarios do that.
    finally:
        connection.close()
