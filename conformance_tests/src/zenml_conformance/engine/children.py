"""The processes that the engine forks, signals and reaps."""

from __future__ import annotations

import collections
import os
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any

from zenml_conformance.engine.child import ProcessSpec, become
from zenml_conformance.engine.requests import Later
from zenml_conformance.supervisor import adopt_orphans


class Children:
    """Every process that the engine has started.

    A process ends at any time, but as far as other code can see it ends in `reap`: until then its
    id can't be given to another process, so that signals never meet a stranger.
    """

    def __init__(self) -> None:
        """Start with none."""
        adopt_orphans()
        self._exit_codes: dict[int, int | None] = {}
        self._owners: dict[int, str | None] = {}
        self._kills: list[tuple[float, int]] = []
        self._counts: collections.Counter[str | None] = collections.Counter()
        self._cpu_seconds: dict[str | None, float] = collections.defaultdict(float)

    def fork(self, spec: ProcessSpec) -> int:
        """Start a process.

        Args:
            spec: What it is.

        Returns:
            Its id.
        """
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)  # What it is sent must not wake the engine.
            become(spec)
        self._exit_codes[pid] = None
        self._owners[pid] = spec.session.backend
        self._counts[spec.session.backend] += 1
        return pid

    def reap(self) -> Iterator[tuple[int, int]]:
        """Take note of the processes that have ended.

        Yields:
            Each of them with its exit code, which is known to all by then. Others may be
            forked before the next one is asked for.
        """
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid not in self._exit_codes:
                continue  # An orphan, which one of them has left.
            code = os.waitstatus_to_exitcode(status)
            self._exit_codes[pid] = code
            self._cpu_seconds[self._owners.pop(pid, None)] += usage.ru_utime + usage.ru_stime
            yield pid, code

    def exit_code(self, pid: int) -> int | None:
        """Say how a process has ended.

        Args:
            pid: A process that this engine started.

        Returns:
            Its exit code; None: it has not ended.
        """
        return self._exit_codes[pid]

    def signal(self, pid: int, number: int) -> None:
        """Send a signal to a process, if it has not ended, and is the engine's.

        Args:
            pid: The process.
            number: The signal; SIGKILL is for its children as well.
        """
        if self._exit_codes.get(pid, 0) is None:
            # Each process leads a session of its own; SIGKILL takes its children along.
            try:
                if number == signal.SIGKILL:
                    os.killpg(pid, number)
                else:
                    os.kill(pid, number)
            except ProcessLookupError:
                pass

    def kill_after(self, pid: int, seconds: float) -> None:
        """Kill a process if it has not ended by then.

        Args:
            pid: The process.
            seconds: How long it may take.
        """
        self._kills.append((time.monotonic() + seconds, pid))

    def kill_overdue(self) -> None:
        """Kill the processes whose time is up."""
        now = time.monotonic()
        for when, pid in list(self._kills):
            if self._exit_codes.get(pid) is not None:
                self._kills.remove((when, pid))
            elif when <= now:
                self._kills.remove((when, pid))
                self.signal(pid, signal.SIGKILL)

    @property
    def deadlines(self) -> list[float]:
        """When a process is to be killed, on the monotonic clock."""
        return [when for when, _ in self._kills]

    # -- operations -------------------------------------------------------------------------

    def op_start(self, caller: int, spec: dict[str, Any]) -> int:
        """Start a process; its pid is the handle for the other operations."""
        return self.fork(ProcessSpec.model_validate(spec))

    def op_await(self, caller: int, pid: int, timeout: float) -> Any:
        """Wait for a process's end: `{"code": …}`, None when it has not ended in time."""

        def answer(late: bool) -> Any | None:
            code = self.exit_code(pid)
            return {"code": code} if code is not None or late else None

        raise Later(answer, timeout)

    def op_signal(self, caller: int, pid: int, number: int) -> bool:
        """Send a signal to a process that this engine started."""
        self.signal(pid, number)
        return True

    def op_cost(self, caller: int, backend: str) -> dict[str, Any]:
        """Say what the processes of a scenario have cost so far, those that have ended."""
        return {"processes": self._counts[backend], "cpu_seconds": self._cpu_seconds[backend]}
