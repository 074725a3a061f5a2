"""The engine's loop: requests in, processes out.

Everything happens in one thread, because a process with threads must not fork. So there are no
locks: an operation runs from its beginning to its end before anything else happens, the end of a
process included, and none may wait. One that has to raises `Later`.
"""

from __future__ import annotations

import os
import selectors
import signal
import sys
import time

from zenml_conformance.engine import zenml_servers
from zenml_conformance.engine.backends import Backends
from zenml_conformance.engine.children import Children
from zenml_conformance.engine.preload import keep, preload
from zenml_conformance.engine.requests import Operation, Requests
from zenml_conformance.engine.scenarios import Scenarios
from zenml_conformance.engine.warm_up import warm_up
from zenml_conformance.supervisor import end_descendants


class Engine:
    """Answers requests, forks processes, reaps them."""

    def __init__(self, socket_path: str, parallel_scenarios: int) -> None:
        """Listen.

        Args:
            socket_path: Where to listen.
            parallel_scenarios: How many scenarios run at a time.
        """
        self._children = Children()
        self._backends = Backends(self._children)
        self._scenarios = Scenarios(self._children, parallel_scenarios)
        self._requests = Requests(socket_path, self._operation)
        self._running = True
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._requests.listener, selectors.EVENT_READ)
        self._selector.register(sys.stdin, selectors.EVENT_READ)
        # A signal ends the waiting in `serve` at once, also one that comes just before it.
        self._wake_reader, wake_writer = os.pipe()
        os.set_blocking(wake_writer, False)
        self._selector.register(self._wake_reader, selectors.EVENT_READ)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._stop)
        signal.set_wakeup_fd(wake_writer, warn_on_full_buffer=False)

    def _stop(self, *_: object) -> None:
        self._running = False

    def _operation(self, name: str) -> Operation:
        """Find the method `op_…` in the part that has it."""
        for part in (self, self._backends, self._children, self._scenarios):
            operation: Operation | None = getattr(part, f"op_{name}", None)
            if operation is not None:
                return operation
        raise LookupError(f"the engine has no operation {name!r}")

    def op_warm_up(self, caller: int, environment: dict[str, str]) -> bool:
        """Run pipelines in this very process, so that those forked from it need not begin cold."""
        warm_up(environment)
        if set(zenml_servers.MODULES) <= {*sys.modules}:
            zenml_servers.warm_up()
        keep()
        return True

    def serve(self) -> None:
        """Serve until told to close, then kill what is left."""
        try:
            while self._running:
                for key, _ in self._selector.select(self._next_deadline()):
                    if key.fileobj is self._requests.listener:
                        self._requests.accept()
                    elif key.fileobj is sys.stdin:
                        self._running = False  # The process that started the engine is gone.
                    else:
                        os.read(self._wake_reader, 4096)
                for pid, code in self._children.reap():
                    self._backends.process_ended(pid, code)
                self._children.kill_overdue()
                self._scenarios.start()
                # After all that could change an answer.
                self._requests.answer_waiters()
        finally:
            end_descendants()

    def _next_deadline(self) -> float | None:
        deadlines = self._requests.deadlines + self._children.deadlines
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None


def main() -> None:
    """Run an engine: `python -m zenml_conformance.engine.server SOCKET PARALLEL MODULE…`."""
    socket_path, parallel, *modules = sys.argv[1:]
    engine = Engine(socket_path, int(parallel))
    print("ready", flush=True)  # Requests may come; they are answered once all is imported.
    os.dup2(2, 1)  # Nobody reads on; what is printed while warming up belongs into the log.
    preload(modules)
    engine.serve()


if __name__ == "__main__":
    main()
