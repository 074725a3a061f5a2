"""The engine's process, seen from the session that started it."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from zenml_conformance import store, supervisor
from zenml_conformance.protocol import LOG, TEMPORARY_FILES, EngineError, last_words

START_SECONDS = 120.0
"""How long the engine may take to start, which is to import ZenML, on a busy machine."""

LONGEST_SOCKET_PATH = 107
"""In bytes, on Linux: unix(7)."""


class EngineProcess:
    """A running engine. It ends with `close`, or when the process that started it is gone."""

    def __init__(
        self,
        search_path: list[str],
        parallel_scenarios: int | None = None,
        preload: Sequence[str] = (),
    ) -> None:
        """Start an engine.

        Args:
            search_path: Where Python finds modules.
            parallel_scenarios: How many scenarios it runs at a time; None: one more than there
                are cores.
            preload: Modules that it imports before it forks, besides ZenML.

        Raises:
            EngineError: If it does not start; the message has its last words.
        """
        self.temporary = _new_directory()
        """Ends with the engine, whatever ends that."""
        self.socket = str(self.temporary / "engine")
        parallel = parallel_scenarios or len(os.sched_getaffinity(0)) + 1
        scratch = self.temporary / TEMPORARY_FILES
        scratch.mkdir(mode=0o700)
        server = [sys.executable, "-m", "zenml_conformance.engine.server"]
        with (self.temporary / LOG).open("wb") as output:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-I", supervisor.__file__, str(self.temporary)),
                    *(*server, self.socket, str(parallel), *preload),
                ],
                env={
                    **store.user_environment(None),
                    "PYTHONPATH": os.pathsep.join(search_path),
                    "TMPDIR": str(scratch),
                },
                # The engine watches its standard input: it closes when this process is gone.
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                # What a terminal, or a time limit, sends to this process is not for it.
                start_new_session=True,
            )
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], START_SECONDS)
        if not ready or self._process.stdout.readline() != b"ready\n":
            words = last_words(self.socket)
            self.close()
            raise EngineError(f"the conformance engine did not start{words}")

    def close(self) -> None:
        """End the engine, and with it everything it started."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(supervisor.CLOSE_SECONDS + supervisor.KILL_SECONDS + 5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        shutil.rmtree(self.temporary, ignore_errors=True)


def _new_directory() -> Path:
    """Make a directory for a socket, the engine's log and temporary files.

    A checkout's path may be too long for a socket, and that of temporary files as well.
    """
    prefix = "zenml-conformance-"
    try:
        path = Path(tempfile.mkdtemp(prefix=prefix))
        if len(os.fsencode(path / "engine")) > LONGEST_SOCKET_PATH:
            path.rmdir()
            path = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
    except OSError as error:
        raise EngineError(
            f"no temporary directory can be made for the conformance engine: {error}. Set TMPDIR "
            "to a directory that can be written to."
        ) from error
    return path
