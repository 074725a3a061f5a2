"""The engine's wire format: one JSON object a line, over a Unix socket."""

from __future__ import annotations

import json
import socket
from typing import Any


class EngineError(RuntimeError):
    """The engine refused a request, or can't be reached."""


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
            raise EngineError(f"the engine can't be reached for `{op}`: {error}") from error
        if not answer:
            raise EngineError(f"the engine closed the connection without answering `{op}`")
        reply = json.loads(answer)
        if "error" in reply:
            raise EngineError(reply["error"])
        return reply["result"]
