"""What a process of the suite knows: which engine, which backend, which orchestrator.

It travels beside a process, never in its environment: a job's environment is exactly what the
orchestrator under test submitted.
"""

from __future__ import annotations

import pkgutil
from pathlib import Path

from pydantic import BaseModel

from zenml_conformance.engine.users_server import UsersServer
from zenml_conformance.store import STACK
from zenml_conformance.target.spec import EXACT, TargetSpec

SENTINEL = "s3ntinel-of-the-conformance-suite"
"""Stands in for ZenML's API token: looked for wherever others could read it."""

INJECT = "zenml_conformance.prove.mutants:inject"
"""What puts a fault into the orchestrator. A name: the engine imports nothing that judges."""

FORCED_MODES = "forced-modes"
"""A file beside a scenario's backend: the orchestrator is to declare every execution mode."""


class Session(BaseModel):
    """Where a process of the suite belongs.

    Attributes:
        socket: Path of the engine's socket.
        target: The orchestrator under test.
        servers: Path of the socket of the engine that runs ZenML servers; None: clients and jobs
            open the store's file.
        users_server: The user's server, when clients and jobs talk to that.
        backend: Name of the scenario's fake backend; None: the orchestrator keeps its own.
        mutant: Name of a fault to put into the orchestrator; None: it stays as it is.
        observer: Whether this is a process of the suite's own, and not one in which the
            orchestrator works: a client, an operator, a job.
    """

    model_config = EXACT

    socket: str
    target: TargetSpec
    servers: str | None = None
    users_server: UsersServer | None = None
    backend: str | None = None
    mutant: str | None = None
    observer: bool = True

    @property
    def on_server(self) -> bool:
        """Whether clients and jobs talk to a ZenML server."""
        return self.servers is not None or self.users_server is not None


current: Session | None = None
"""The session of this process; None outside the suite."""


def stack() -> str:
    """Say what the stack of this process's session is called, and the components in it."""
    assert current is not None
    return current.users_server.name if current.users_server else STACK


def join(session: Session) -> None:
    """Enter a session: put the fake backend, and a fault, where they belong.

    Args:
        session: The session.
    """
    global current
    current = session
    if session.backend is not None:
        _issue_token()
    if session.backend is None and session.mutant is None:
        return
    from zenml_conformance.fake_backend.client import FakeBackend
    from zenml_conformance.target.target import Target

    target, backend = Target.load(session.target), None
    if session.backend is not None:
        backend = FakeBackend(session.socket, session.backend)
    if session.mutant is not None:
        pkgutil.resolve_name(INJECT)(session.mutant, target, backend, session.observer)
    if session.backend is not None and Path(session.backend, FORCED_MODES).exists():
        from zenml.enums import ExecutionMode

        every_mode = property(lambda self: list(ExecutionMode))
        target.orchestrator_class.supported_execution_modes = every_mode  # type: ignore[assignment,method-assign]
    if backend is not None:
        target.harness.connect(target.orchestrator_class, backend)


def _issue_token() -> None:
    """Have a token in the environment that ZenML makes for jobs, as when it talks to a server.

    A local store asks for none, so this one opens nothing. Its name begins like the suite's own
    variables, whose values evidence keeps. Jobs of a real backend would not issue it to theirs.
    """
    from zenml.config.global_config import GlobalConfiguration

    variables = GlobalConfiguration.get_config_environment_vars

    def variables_and_token(self: GlobalConfiguration) -> dict[str, str]:
        return {**variables(self), "CONFORMANCE_STORE_TOKEN": SENTINEL}

    GlobalConfiguration.get_config_environment_vars = variables_and_token  # type: ignore[method-assign]
