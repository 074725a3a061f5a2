"""A Ray cluster, as this process sees it: through a process of its own (`driver.py`)."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from .core.jobs import OutOfReachError

TIMEOUT_SECONDS = 150.0
"""How long Ray may take to answer, apart from the time that it was told to wait."""

LAST_WORDS_SECONDS = 5.0
"""How long a process that has given up may take to say why."""


class RayError(RuntimeError):
    """Ray has not done what it was asked for."""


class RayOutOfReachError(RayError, OutOfReachError):
    """No cluster has answered from here."""


class Cluster:
    """A connection to a cluster, made when it is first used, and again when it was lost."""

    def __init__(self, address: str, runtime_env: Mapping[str, Any] | None = None) -> None:
        """Describe it.

        Args:
            address: Where it is, as `ray.init` understands it; empty for what Ray finds by itself.
            runtime_env: The runtime environment of runs that are begun through it.
        """
        self.address = address
        self.runtime_env = dict(runtime_env or {})
        self._driver: _Driver | None = None
        # A dynamic pipeline submits steps, and asks for them, from several threads.
        self._lock = threading.Lock()

    def call(self, function: str, seconds: float = 0.0, **arguments: Any) -> Any:
        """Have a function of `driver.py` called.

        Args:
            function: The function.
            seconds: How long it was told to wait.
            **arguments: Its arguments.

        Returns:
            What it returns.

        Raises:
            RayError: If it fails, or Ray can't be reached.
        """
        with self._lock:
            if self._driver is None or not self._driver.is_usable:
                self.close()
                self._driver = _Driver(self.address, self.runtime_env)
            return self._driver.call(function, arguments, TIMEOUT_SECONDS + seconds)

    def close(self) -> None:
        """Give up the connection. Jobs do not depend on it."""
        if self._driver is not None:
            self._driver.close()
            self._driver = None


class _Driver:
    """The process. It ends when this one does, since its input ends then."""

    def __init__(self, address: str, runtime_env: Mapping[str, Any]) -> None:
        self.owner = os.getpid()
        self.has_answered = False
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.driver", address, json.dumps(runtime_env)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            bufsize=0,
            start_new_session=True,  # What interrupts this process is not meant for that one.
        )

    @property
    def is_usable(self) -> bool:
        """False after its end, and in a fork: two can't talk to it."""
        return self.owner == os.getpid() and self.process.poll() is None

    def call(self, function: str, arguments: dict[str, Any], timeout: float) -> Any:
        request = json.dumps({"function": function, "arguments": arguments})
        try:
            answer = json.loads(self._exchange(request.encode() + b"\n", timeout))
        except OSError as error:
            if not isinstance(error, TimeoutError):
                with suppress(subprocess.TimeoutExpired):
                    self.process.wait(LAST_WORDS_SECONDS)
            words = self._last_words()
            self.close()
            if not self.has_answered:
                raise RayOutOfReachError(
                    "Ray can't be reached from here: name the cluster in `address` of the "
                    f"orchestrator or in RAY_ADDRESS, or do this where it is. {words or error}"
                ) from error
            raise RayError(f"Ray can't be reached. {words or error}") from error
        except BaseException:
            self.close()  # Its answer would be taken for that to the next call.
            raise
        self.has_answered = True
        if "error" in answer:
            raise RayError(answer["error"])
        return answer["result"]

    def _exchange(self, request: bytes, timeout: float) -> bytes:
        if self.process.stdin is None or self.process.stdout is None:
            raise OSError("there are no pipes")
        left = memoryview(request)
        while left:
            left = left[self.process.stdin.write(left) :]
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            if not selector.select(timeout):
                raise TimeoutError(f"It has not answered for {timeout:.0f} seconds.")
        if line := self.process.stdout.readline():
            return line
        raise OSError("It has ended.")

    def _last_words(self) -> str:
        self.errors.seek(0)
        return b"".join(self.errors.readlines()[-5:]).decode(errors="replace")

    def close(self) -> None:
        if self.owner == os.getpid():
            self.process.kill()
            self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.errors):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
