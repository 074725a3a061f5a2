"""The processes that a scenario has started, as it sees them from outside."""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path

import psutil

from zenml_conformance.context.evidence import Call, Submission
from zenml_conformance.engine.child import ProcessSpec
from zenml_conformance.protocol import EngineClient


def work_of(directory: Path) -> dict[int, float]:
    """Say how much processor time the processes of a scenario have used that live on this machine.

    Args:
        directory: The scenario's directory. They were started with a variable that names it.

    Returns:
        Seconds, by process.
    """
    work = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if any(str(directory) in value for value in process.environ().values()):
                times = process.cpu_times()
                work[process.pid] = times.user + times.system
    return work


class Process:
    """A process that was started and may still be running."""

    def __init__(self, engine: EngineClient, spec: ProcessSpec) -> None:
        """Start a process.

        Args:
            engine: The engine.
            spec: What it is.
        """
        self._engine = engine
        self.pid: int = engine.request("start", spec=spec.model_dump(mode="json"))

    def wait(self, seconds: float) -> int | None:
        """Wait for the process's end.

        Args:
            seconds: How long to wait at most.

        Returns:
            Its exit code; None: it is still running.
        """
        answer = self._engine.request("await", patience=seconds + 10, pid=self.pid, timeout=seconds)
        code: int | None = answer["code"]
        return code

    @property
    def is_alive(self) -> bool:
        """Whether the process is still running."""
        return self.wait(0) is None

    def kill(self) -> None:
        """Kill the process and its children."""
        self._engine.request("signal", pid=self.pid, number=int(signal.SIGKILL))


class Client(Process):
    """A client, and what it has written down so far."""

    def __init__(self, engine: EngineClient, spec: ProcessSpec, result: Path) -> None:
        """Start a client.

        Args:
            engine: The engine.
            spec: A process that calls `context.client.run`.
            result: Where that writes its `Submission`.
        """
        super().__init__(engine, spec)
        self.result = result

    @property
    def submission(self) -> Submission | None:
        """What it has done; None: nothing yet."""
        if not self.result.exists():
            return None
        return Submission.read(self.result)

    @property
    def call(self) -> Call | None:
        """Its last call of a method that submits; None: it has not come to that."""
        submission = self.submission
        return submission.calls[-1] if submission and submission.calls else None

    @property
    def has_returned(self) -> bool:
        """Whether that call is over."""
        call = self.call
        return call is not None and call.returned_at is not None

    @property
    def run(self) -> str | None:
        """ZenML's id of the run that it submits, while it may still wait for it."""
        call = self.call
        return call.placeholder if call else None
