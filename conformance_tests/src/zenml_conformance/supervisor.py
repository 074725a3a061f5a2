"""Watches over an engine, and clears up behind it, whatever ends the engine or the session.

After SIGKILL nothing can clear up behind itself, so this is a process of its own. It is started by
its path, and imports little: `python -I supervisor.py DIRECTORY COMMAND…`.
"""

from __future__ import annotations

import ctypes
import os
import select
import shutil
import signal
import sys
import time
from pathlib import Path

CLOSE_SECONDS = 20.0
"""How long the engine may take to end once the session has."""

KILL_SECONDS = 10.0
"""How long processes may take to end once they are killed, on a busy machine."""

ENDED = "the engine ended"
"""Begins the last line of an engine's log, which says how."""

_ALL = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}
"""What is judged starts with signals at their defaults, whatever `nohup` or a shell has set."""

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends, in place of init."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_descendants() -> None:
    """Kill every descendant of this process, which adopts orphans.

    A child's number belongs to nobody else until it is reaped here, and its own children become
    children of this process then. So signals meet no stranger, and nobody gets away.
    """
    deadline = time.monotonic() + KILL_SECONDS
    while time.monotonic() < deadline:
        for path in Path("/proc/self/task").glob("*/children"):
            for pid in path.read_text().split():
                os.kill(int(pid), signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.005)


def _said(code: int) -> str:
    return f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"


class Supervisor:
    """Starts an engine, waits for its end and for that of the session."""

    def __init__(self, directory: str, command: list[str]) -> None:
        """Start the engine.

        Args:
            directory: What is removed at the end.
            command: The engine's.
        """
        self._directory = directory
        self._session_is_over = False
        self._wake, wake_writer = os.pipe()
        os.set_blocking(wake_writer, False)
        signal.set_wakeup_fd(wake_writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._close)
        # Standard input closes when the session is gone, unless one of its forks keeps it open.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        adopt_orphans()
        self._engine: int | None = os.posix_spawn(
            command[0], command, os.environ, setsigmask=[], setsigdef=_ALL
        )
        os.close(1)  # The session reads there, to the end of the engine.

    def _close(self, *_: object) -> None:
        self._session_is_over = True

    def run(self) -> None:
        """Go on until both have ended."""
        while self._engine is not None and not self._session_is_over:
            self._watch(None)
        deadline = time.monotonic() + CLOSE_SECONDS
        if self._engine is not None:
            os.kill(self._engine, signal.SIGTERM)
        while self._engine is not None and time.monotonic() < deadline:
            self._watch(deadline - time.monotonic())
        end_descendants()
        while not self._session_is_over:  # It may want to read the engine's log.
            self._watch(None)
        shutil.rmtree(self._directory, ignore_errors=True)

    def _watch(self, seconds: float | None) -> None:
        """Wait until something ends."""
        sources = [self._wake] if self._session_is_over else [self._wake, 0]
        for source in select.select(sources, [], [], seconds)[0]:
            if not os.read(source, 4096):
                self._session_is_over = True
        while self._engine is not None:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self._engine:
                self._engine = None
                print(f"{ENDED} {_said(os.waitstatus_to_exitcode(status))}", file=sys.stderr)


if __name__ == "__main__":
    Supervisor(sys.argv[1], sys.argv[2:]).run()
