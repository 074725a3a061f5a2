"""The queue of the processes that run scenarios."""

from __future__ import annotations

import collections
import pkgutil
import time
from typing import Any

from zenml_conformance.engine.child import ProcessSpec
from zenml_conformance.engine.children import Children
from zenml_conformance.engine.requests import Later
from zenml_conformance.engine.session import INJECT


class Scenarios:
    """Runs every scenario that was planned once, some of them at a time."""

    def __init__(self, children: Children, at_a_time: int) -> None:
        """Start with none.

        Args:
            children: Where they are forked.
            at_a_time: How many may be run at once.
        """
        self._children = children
        self._at_a_time = at_a_time
        self._specs: dict[str, ProcessSpec] = {}
        self._queue: collections.deque[str] = collections.deque()
        self._pids: dict[str, int] = {}
        self._began: dict[str, float] = {}

    def start(self) -> None:
        """Start as many as may be run."""
        live = sum(self._children.exit_code(pid) is None for pid in self._pids.values())
        while self._queue and live < self._at_a_time:
            key = self._queue.popleft()
            self._pids[key] = self._children.fork(self._specs[key])
            self._began[key] = time.monotonic()
            live += 1

    # -- operations -------------------------------------------------------------------------

    def op_plan(self, caller: int, scenarios: dict[str, dict[str, Any]]) -> bool:
        """Queue the processes of scenarios; the same key runs once."""
        for key, spec in scenarios.items():
            if key not in self._specs:
                self._specs[key] = ProcessSpec.model_validate(spec)
                self._queue.append(key)
                if self._specs[key].session.mutant:
                    pkgutil.resolve_name(INJECT)  # So that none of its processes has to import it.
        return True

    def op_await_scenario(self, caller: int, key: str, timeout: float) -> Any:
        """Wait until a planned scenario's process has ended."""

        def answer(late: bool) -> Any | None:
            pid = self._pids.get(key)
            code = None if pid is None else self._children.exit_code(pid)
            return {"code": code} if code is not None or late else None

        raise Later(answer, timeout)

    def op_await_progress(self, caller: int, done: int, timeout: float) -> Any:
        """Wait until more scenarios have been run than the caller knows of.

        Gives how many have been, of how many, and for how many seconds each of the others has been
        running, by its key.
        """

        def answer(late: bool) -> Any | None:
            live = [key for key, pid in self._pids.items() if self._children.exit_code(pid) is None]
            ended = len(self._pids) - len(live)
            if ended <= done and not late:
                return None
            now = time.monotonic()
            running = {key: now - self._began[key] for key in live}
            return {"done": ended, "planned": len(self._specs), "running": running}

        raise Later(answer, timeout)
