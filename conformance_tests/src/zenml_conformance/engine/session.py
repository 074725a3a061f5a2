"""What a process of the suite knows: which engine, which backend, which orchestrator.

It travels beside a process, never in its environment: a job's environment is exactly what the
orchestrator under test submitted.
"""

from __future__ import annotations

from pydantic import BaseModel

from zenml_conformance.target_spec import TargetSpec


class Session(BaseModel):
    """Where a process of the suite belongs.

    Attributes:
        socket: Path of the engine's socket.
        target: The orchestrator under test.
        backend: Name of the scenario's reference backend; None: the orchestrator keeps its own.
    """

    socket: str
    target: TargetSpec
    backend: str | None = None


current: Session | None = None
"""The session of this process; None outside the suite."""


def join(session: Session) -> None:
    """Enter a session, and put the reference backend in place of the orchestrator's own.

    Args:
        session: The session.
    """
    global current
    current = session
    if session.backend is not None:
        from zenml_conformance.reference.backend import ReferenceBackend
        from zenml_conformance.target import Target

        target = Target.load(session.target)
        target.harness.connect(
            target.orchestrator_class, ReferenceBackend(session.socket, session.backend)
        )
