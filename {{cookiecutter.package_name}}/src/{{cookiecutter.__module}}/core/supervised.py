"""A job's process, from the other end of its supervisor's connection (`supervisor.py`)."""

from __future__ import annotations

import json
import socket
import struct
import subprocess
from collections.abc import Mapping
from select import select
from typing import Any

ACCEPT_SECONDS = 120.0
"""How long it may take until a job is accepted. A process may have to import ZenML before."""


class NotAcceptedError(ConnectionError):
    """No process has been started, nor will be: it does no harm to try again, in another way."""


class SupervisedProcess:
    """A process that is supervised.

    Attributes:
        pid: Its number.
        code: Its exit code, negative after a signal; None as long as it is not known.
        is_lost: Whether its supervisor was killed, so that the code will never be known.
    """

    def __init__(self, connection: socket.socket, request: Mapping[str, Any], output: int) -> None:
        """Have a process started.

        Args:
            connection: Leads to a supervisor.
            request: The fields of `supervisor.Request`.
            output: File descriptor for its output.

        Raises:
            NotAcceptedError: If there is nobody at the other end.
            ConnectionError: If that is so only after the job was accepted.
        """
        self.code: int | None = None
        self.is_lost = False
        self._connection = connection
        self._received = b""
        data = json.dumps(request).encode()
        connection.settimeout(ACCEPT_SECONDS)
        try:
            socket.send_fds(connection, [struct.pack("!Q", len(data))], [output])
            connection.sendall(data)
            self._read_line()
        except BaseException as error:
            # Should the other end read it only now, it can't accept it any more.
            connection.close()
            if not isinstance(error, OSError):
                raise  # Such as Ctrl-C, while the other end imports ZenML.
            raise NotAcceptedError(f"the job was not accepted: {error!r}") from error
        self.pid: int = self._read_line()["pid"]
        connection.setblocking(False)

    def fileno(self) -> int:
        """Return what can be read from when there is news."""
        return self._connection.fileno()

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for the end.

        Args:
            timeout: Seconds; None for no limit.

        Returns:
            The exit code; None if it is not known by then, or never will be.
        """
        while self.code is None and not self.is_lost and select([self], [], [], timeout)[0]:
            try:
                self.code = self._read_line()["code"]
            except BlockingIOError:
                continue  # There is more to come.
            except (OSError, ValueError):
                self.is_lost = True
        return self.code

    def signal(self, number: int) -> None:
        """Send a signal to the process and all of its group; SIGKILL follows SIGTERM by itself.

        Args:
            number: The signal.
        """
        try:
            self._connection.sendall(bytes([number]))
        except OSError:
            self.wait(0.0)  # It has ended, or is lost.

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _read_line(self) -> dict[str, Any]:
        while b"\n" not in self._received:
            part = self._connection.recv(4096)
            if not part:
                raise ConnectionResetError("the connection was closed")
            self._received += part
        line, _, self._received = self._received.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer


def start_supervisor(
    python: str, module: str, environment: Mapping[str, str], log: int
) -> socket.socket:
    """Start a supervisor that is not a fork of anything. It ends by itself.

    Args:
        python: The interpreter.
        module: The module `supervisor`.
        environment: The environment of the job, in which the module is found.
        log: File descriptor for what it has to say.

    Returns:
        The connection.

    Raises:
        OSError: If there is no such interpreter.
        subprocess.SubprocessError: If it does not run the module.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        subprocess.run(
            [python, "-m", module, str(theirs.fileno())],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=[theirs.fileno()],
            timeout=ACCEPT_SECONDS,
            check=True,
        )
    return ours
