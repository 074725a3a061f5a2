"""The engine's process, seen from the session that started it."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from zenml_conformance import store
from zenml_conformance.engine.protocol import EngineError

START_SECONDS = 120.0
"""How long the engine may take to start, which is to import ZenML, on a busy machine."""

LONGEST_SOCKET_PATH = 107
"""In bytes, on Linux: unix(7)."""


class EngineProcess:
    """A running engine. It ends with `close`, or when the process that started it is gone."""

    def __init__(
        self, directory: Path, search_path: list[str], parallel_scenarios: int | None = None
    ) -> None:
        """Start an engine.

        Args:
            directory: Takes its log; must exist.
            search_path: Where Python finds modules.
            parallel_scenarios: How many scenarios it plays at a time; None: one more than there
                are cores.

        Raises:
            EngineError: If it does not start; the message has its last words.
        """
        self.socket = str(_new_socket())
        parallel = parallel_scenarios or len(os.sched_getaffinity(0)) + 1
        log = directory / "engine.log"
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "zenml_conformance.engine.server",
                    self.socket,
                    str(parallel),
                ],
                env={
                    **store.user_environment(None),
                    "PYTHONPATH": os.pathsep.join(search_path),
                },
                # The engine watches its standard input: it closes when this process is gone.
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
            )
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], START_SECONDS)
        if not ready or self._process.stdout.readline() != b"ready\n":
            self.close()
            raise EngineError(f"the conformance engine did not start:\n{log.read_text()[-2000:]}")

    def close(self) -> None:
        """End the engine, and with it everything it started."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        shutil.rmtree(Path(self.socket).parent, ignore_errors=True)


def _new_socket() -> Path:
    """Give a socket's path, in a new directory of its own.

    A checkout's path may be too long for a socket, and that of temporary files as well.
    """
    prefix = "zenml-conformance-"
    path = Path(tempfile.mkdtemp(prefix=prefix), "engine")
    if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
        path.parent.rmdir()
        path = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"), path.name)
    return path
