"""The engine's wire format: one JSON object a line, over a Unix socket."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any

from zenml_conformance.inputs import read_tail
from zenml_conformance.supervisor import ENDED

LOG = "engine.log"
"""The engine's log, beside its socket."""

LAST_WORD_SECONDS = 3.0
"""How long its supervisor may take to note how it ended."""

TEMPORARY_FILES = "tmp"
"""The directory for temporary files of all its processes, beside its socket."""


class EngineError(RuntimeError):
    """The engine refused a request, or can't be reached."""


def last_words(socket_path: str) -> str:
    """Read how an engine ended, for the end of a message.

    Args:
        socket_path: Path of its socket.

    Returns:
        The end of its log, on lines of its own.
    """
    log = Path(socket_path).with_name(LOG)
    deadline = time.monotonic() + LAST_WORD_SECONDS
    while ENDED not in (words := read_tail(log)) and log.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    return f". The end of its log:\n{words}" if words else ", and it has logged nothing"


class EngineClient:
    """A caller's side of the engine's socket.

    One connection carries one request, so a client may be used from several threads and
    survives a fork.
    """

    def __init__(self, socket_path: str) -> None:
        """Remember where the engine listens.

        Args:
            socket_path: Path of the engine's Unix socket.
        """
        self.socket_path = socket_path

    @property
    def temporary_files(self) -> str:
        """The directory for temporary files, which is removed when the engine ends."""
        return str(Path(self.socket_path).with_name(TEMPORARY_FILES))

    def request(self, op: str, *, patience: float = 60.0, **arguments: Any) -> Any:
        """Send one request and wait for its answer.

        Args:
            op: Name of the operation (a method `op_…` of a part of the engine).
            patience: Seconds after which the engine is taken for dead.
            **arguments: JSON-serialisable arguments of the operation.

        Returns:
            The operation's result.

        Raises:
            EngineError: If the engine refuses, has gone, or does not answer in time.
        """
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(patience)
                connection.connect(self.socket_path)
                connection.sendall(json.dumps({"op": op, **arguments}).encode() + b"\n")
                answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
        except TimeoutError as error:
            raise EngineError(
                f"the engine did not answer `{op}` within {patience:.0f} s"
            ) from error
        except OSError as error:
            words = last_words(self.socket_path)
            raise EngineError(f"the engine can't be reached for `{op}`: {error}{words}") from error
        if not answer:
            words = last_words(self.socket_path)
            raise EngineError(f"the engine closed the connection, and left `{op}` open{words}")
        reply = json.loads(answer)
        if "error" in reply:
            raise EngineError(reply["error"])
        return reply["result"]
