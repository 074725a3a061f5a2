"""The fake backend in the words of the threaded orchestrator."""

from __future__ import annotations

from typing import Any

from zenml.orchestrators import BaseOrchestrator

from zenml_conformance import Harness
from zenml_conformance.fake_backend import FakeBackend, Job, JobState


class Spool:
    """Takes tasks, and says which are gone."""

    def __init__(self, backend: FakeBackend) -> None:
        """Point at the scenario's backend."""
        self.backend = backend

    def put(self, name: str, argv: list[str], variables: dict[str, str], **asked: Any) -> str:
        """Take a task; return its ticket."""
        job = Job(name=name, command=tuple(argv), environment=variables, **asked)
        return self.backend.submit(job)

    def is_gone(self, ticket: str) -> bool:
        """Say whether a task has ended, or is not known."""
        return self.backend.status(ticket).is_ended

    def is_waiting(self, ticket: str) -> bool:
        """Say whether a task has not begun."""
        return self.backend.status(ticket) is JobState.QUEUED

    def drop(self, ticket: str) -> None:
        """Have a task ended."""
        self.backend.cancel(ticket)

    def pause(self, tickets: list[str]) -> None:
        """Return when one of some tasks may be gone."""
        self.backend.wait_for_change(tickets, timeout=30)


class ThreadedHarness(Harness):
    """Connects `ThreadedOrchestrator`."""

    def connect(self, orchestrator_class: type[BaseOrchestrator], backend: FakeBackend) -> None:
        """Give it a spool."""
        spool = Spool(backend)
        orchestrator_class.spool = property(lambda _: spool)  # type: ignore[attr-defined]
