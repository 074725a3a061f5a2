"""What a process of the suite knows: which engine, which backend, which orchestrator.

It travels beside a process, never in its environment: a job's environment is exactly what the
orchestrator under test submitted.
"""

from __future__ import annotations

from pydantic import BaseModel

from zenml_conformance.target_spec import TargetSpec

SENTINEL = "s3ntinel-of-the-conformance-suite"
"""Stands in for ZenML's API token: looked for wherever others could read it."""


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
    _issue_token()
    if session.backend is not None:
        from zenml_conformance.reference.backend import ReferenceBackend
        from zenml_conformance.target import Target

        target = Target.load(session.target)
        target.harness.connect(
            target.orchestrator_class, ReferenceBackend(session.socket, session.backend)
        )


def _issue_token() -> None:
    """Have a token in the environment that ZenML makes for jobs, as when it talks to a server.

    A local store asks for none, so this one opens nothing. Its name begins like the suite's own
    variables, whose values evidence keeps.
    """
    from zenml.config.global_config import GlobalConfiguration

    variables = GlobalConfiguration.get_config_environment_vars

    def variables_and_token(self: GlobalConfiguration) -> dict[str, str]:
        return {**variables(self), "CONFORMANCE_STORE_TOKEN": SENTINEL}

    GlobalConfiguration.get_config_environment_vars = variables_and_token  # type: ignore[method-assign]
