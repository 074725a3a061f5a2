"""ZenML's `modal` orchestrator on an emulated Modal API.

What ZenML calls of the SDK (apps, images, secrets, sandboxes) is replaced by `Workspace`. A
sandbox is a job of the fake backend.
"""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import modal
from modal.exception import NotFoundError, ResourceExhaustedError, ServiceError
from zenml.integrations.modal import sandbox_utils
from zenml.orchestrators import BaseOrchestrator

from zenml_conformance.fake_backend import FakeBackend, Job, JobState
from zenml_conformance.protocol import EngineError
from zenml_orchestrators.emulation import (
    EmulatedHarness,
    let_components_look_remote,
    with_local_stores,
)
from zenml_orchestrators.executions import state_of

TERMINATED = 137
"""The return code that Modal's SDK gives a sandbox that was terminated."""
MEBIBYTE = 1024**2


class Workspace:
    """What the SDK says and does, as far as ZenML asks."""

    def __init__(self, backend: FakeBackend) -> None:
        """Point at the backend.

        Args:
            backend: Runs the sandboxes.
        """
        self.backend = backend

    def create(self, *command: str, **request: Any) -> Sandbox:
        """Start a sandbox."""
        try:
            return Sandbox(self.backend, self.backend.submit(job_of(command, request)))
        except EngineError as error:
            raise ResourceExhaustedError(str(error)) from error

    def find(self, sandbox_id: str) -> Sandbox:
        """Find a sandbox by its id."""
        sandbox = Sandbox(self.backend, sandbox_id)
        sandbox.poll()
        return sandbox


class Sandbox:
    """A sandbox, as the SDK shows it."""

    def __init__(self, backend: FakeBackend, object_id: str) -> None:
        """Point at a job.

        Args:
            backend: Runs it.
            object_id: Its id.
        """
        self.backend = backend
        self.object_id = object_id

    def poll(self) -> int | None:
        """Give the return code; None: it has not ended."""
        state = self._state()
        if not state.is_ended:
            return None
        if state is JobState.UNKNOWN:
            raise NotFoundError(f"Sandbox {self.object_id!r} not found")
        if state is JobState.CANCELLED:
            return TERMINATED
        records, _ = self.backend.jobs()
        code = next(r.exit_code for r in records if r.id == self.object_id) or 0
        return 128 - code if code < 0 else code

    def terminate(self) -> None:
        """End it."""
        self.backend.cancel(self.object_id)

    def _state(self) -> JobState:
        try:
            return state_of(self.backend, self.object_id)
        except EngineError as error:
            raise ServiceError(str(error)) from error


def job_of(command: tuple[str, ...], request: dict[str, Any]) -> Job:
    """Say in the suite's words what a request for a sandbox says.

    Args:
        command: What the sandbox runs.
        request: The keyword arguments of `modal.Sandbox.create`.

    Returns:
        The job, with a name that nobody sees: ZenML gives sandboxes none.
    """
    secret = [secret.values for secret in request.get("secrets", ())]
    environment = {
        name: value for some in (request["env"], *secret) for name, value in some.items()
    }
    _, _, gpus = (request["gpu"] or "").partition(":")
    said = ("cloud", "gpu", "region", "timeout")
    return Job(
        name=f"sandbox-{uuid4()}",
        command=command,
        environment=with_local_stores(environment),
        image=request["image"].name,
        cpu=request["cpu"],
        memory=math.ceil(request["memory"] * MEBIBYTE) if request["memory"] else None,
        gpus=int(gpus or 1) if request["gpu"] else None,
        spec={
            **{name: request[name] for name in said},
            "app": vars(request["app"]),
            "env": list(environment),
        },
    )


class ModalHarness(EmulatedHarness):
    """Connects ZenML's `modal` orchestrator through an emulated SDK."""

    def config(self) -> dict[str, Any]:
        """Give what the component needs: nobody has this token."""
        # A step that wants two of them is refused where nothing says of which type.
        return {"gpu": "T4", "token_id": "ak-emulated", "token_secret": "as-emulated"}

    def connect(self, orchestrator_class: type[BaseOrchestrator], backend: FakeBackend) -> None:
        """Replace what ZenML calls of the SDK, and look often."""
        workspace = Workspace(backend)
        sdk: Any = modal
        sdk.Client.from_credentials = lambda *_: SimpleNamespace(is_closed=lambda: False)
        sdk.App.lookup = lambda name, environment_name=None, **_: SimpleNamespace(
            name=name, environment_name=environment_name
        )
        sdk.Image.from_registry = lambda name, **_: SimpleNamespace(name=name)
        sdk.Secret.from_dict = lambda values: SimpleNamespace(values=values)
        sdk.Sandbox.create = workspace.create
        sdk.Sandbox.from_id = lambda sandbox_id, **_: workspace.find(sandbox_id)
        sandbox_utils.wait_for_sandbox.__defaults__ = (0.2,)
        let_components_look_remote()
