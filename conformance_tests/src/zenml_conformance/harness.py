"""How the suite puts its fake backend in place of an orchestrator's own."""

from __future__ import annotations

import typing
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse
    from zenml.orchestrators import BaseOrchestrator

    from zenml_conformance.fake_backend.client import FakeBackend


MADE_UP_IMAGE = "conformance.invalid/steps:1"
"""What `ContainerizedOrchestrator`s are told that their image is called, where nobody pulls it."""

STEP_JOBS = "step_jobs"
"""What `core/registry.py` calls the jobs of a run's steps in its metadata."""


@dataclass(frozen=True)
class Component:
    """A component that the stack needs beside the orchestrator.

    Attributes:
        flavor: Its flavor's name.
        config: Its configuration.
    """

    flavor: str
    config: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RecordedResources:
    """What a backend has on record of a job's resources. None: nothing is set aside or limited.

    Attributes:
        cpu: Cores.
        memory: Bytes.
        gpus: Number of GPUs.
    """

    cpu: float | None = None
    memory: int | None = None
    gpus: int | None = None


class Harness:
    """What a maintainer writes so that the suite can see an orchestrator's jobs.

    Name it with `--orchestrator-harness=module:Class`, or as an entry point of the group
    `zenml_conformance.harnesses` whose name is the flavor's. Projects from the template need
    none: their seam is found by itself.
    """

    connects = True
    """Whether `connect` puts the fake backend in place. False: black box."""

    job_name_pattern = r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,126}[A-Za-z0-9])?"
    """What the orchestrator's own backend takes for a job's name (a regular expression for the
    whole name). The default is what nearly all schedulers take."""

    def config(self) -> dict[str, Any]:
        """Give the component's configuration under test.

        Returns:
            Fields of the orchestrator's config class; `--orchestrator-config` overrides them.
        """
        return {}

    def components(self) -> dict[str, Component]:
        """Give the other components without which ZenML refuses a stack with the orchestrator.

        Returns:
            By type, in ZenML's words (`container_registry`). An `artifact_store` takes the place
            of ZenML's local one, which is there without being named.
        """
        return {}

    def image(self) -> str | None:
        """Give the image that steps run in. No image is built then.

        Only `ContainerizedOrchestrator`s are told of it. Jobs of the fake backend are
        processes of this machine, whatever their image.

        Returns:
            Its name; None: ZenML builds images as it does for users.
        """
        return MADE_UP_IMAGE if self.connects else None

    def connect(self, orchestrator_class: type[BaseOrchestrator], backend: FakeBackend) -> None:
        """Make every instance of the orchestrator submit to the fake backend.

        Called in each client and in each process that the fake backend starts, before
        ZenML runs there.

        Args:
            orchestrator_class: The orchestrator under test.
            backend: The fake backend of the scenario.
        """
        raise NotImplementedError(
            f"{type(self).__name__}.connect is not written. Without it the suite can't see the "
            "orchestrator's jobs: set `connects = False` to be judged as a black box."
        )

    def server_host(self) -> str:
        """Give the address of this machine at which jobs reach the suite's own ZenML servers.

        Returns:
            An address that this machine has; loopback is for jobs that have its network.
        """
        return "127.0.0.1"

    def recorded_resources(
        self, orchestrator: BaseOrchestrator, run: PipelineRunResponse, step: str
    ) -> RecordedResources | None:
        """Read what the orchestrator's own backend has on record of the job of a step.

        Asked at the live tier while the step runs, again and again until there is an answer.
        Without it, resources are judged by what the fake backend is asked for.

        Args:
            orchestrator: An instance of the orchestrator under test.
            run: The run, with its metadata.
            step: The step's invocation id.

        Returns:
            What the record says, never what the job was submitted with; None: there is no record
            yet.

        Raises:
            NotImplementedError: If records can't be read.
        """
        raise NotImplementedError


class BlackBox(Harness):
    """No fake backend: the orchestrator keeps its own, and is judged by ZenML's store."""

    connects = False

    def __init__(self, harness: Harness | None = None) -> None:
        """Keep what a harness says of the stack, if there is one.

        Args:
            harness: The harness whose `connect` is not wanted.
        """
        self._harness = harness

    @property
    def hides(self) -> bool:
        """Whether the harness could connect the fake backend, were it wanted."""
        return self._harness is not None and self._harness.connects

    def config(self) -> dict[str, Any]:
        """Give the component's configuration.

        Returns:
            The harness's.
        """
        return self._harness.config() if self._harness else {}

    def components(self) -> dict[str, Component]:
        """Give the stack's other components.

        Returns:
            The harness's.
        """
        return self._harness.components() if self._harness else {}

    def image(self) -> str | None:
        """Give the image that steps run in.

        Returns:
            The harness's, unless nobody could pull it.
        """
        image = self._harness.image() if self._harness else None
        return None if image == MADE_UP_IMAGE else image

    def server_host(self) -> str:
        """Give the address at which jobs reach the suite's own ZenML servers.

        Returns:
            The harness's.
        """
        return self._harness.server_host() if self._harness else super().server_host()

    def recorded_resources(
        self, orchestrator: BaseOrchestrator, run: PipelineRunResponse, step: str
    ) -> RecordedResources | None:
        """Read what the orchestrator's own backend has on record of the job of a step.

        Args:
            orchestrator: An instance of the orchestrator under test.
            run: The run.
            step: The step's invocation id.

        Returns:
            What the harness reads.

        Raises:
            NotImplementedError: If it reads nothing, or there is none.
        """
        if self._harness is None:
            raise NotImplementedError
        return self._harness.recorded_resources(orchestrator, run, step)


class SeamHarness(Harness):
    """For orchestrators with the template's seam: an attribute `backend`, a `JobBackend`."""

    @classmethod
    def fits(cls, orchestrator_class: type) -> bool:
        """Say whether an orchestrator has the seam.

        Args:
            orchestrator_class: The orchestrator under test.

        Returns:
            Whether it has an attribute `backend` annotated with a class that can `submit`,
            `status` and `cancel`, and that has a `JobState` beside it or a base of it.
        """
        return _seam(orchestrator_class) is not None

    def connect(self, orchestrator_class: type[BaseOrchestrator], backend: FakeBackend) -> None:
        """Replace the attribute `backend` on the class.

        Args:
            orchestrator_class: The orchestrator under test.
            backend: The fake backend of the scenario.
        """
        from zenml_conformance.fake_backend.adapter import adapter

        seam = _seam(orchestrator_class)
        assert seam is not None
        fake = adapter(seam, backend)
        orchestrator_class.backend = property(lambda self: fake)  # type: ignore[attr-defined]

    def recorded_resources(
        self, orchestrator: BaseOrchestrator, run: PipelineRunResponse, step: str
    ) -> RecordedResources | None:
        """Ask the project's backend, if it has a `recorded_resources`.

        Args:
            orchestrator: An instance of the orchestrator under test.
            run: The run, which has the ids of its steps' jobs in its metadata.
            step: The step's invocation id.

        Returns:
            What the backend answers; None: it has no record yet, or the job is not noted yet.

        Raises:
            NotImplementedError: If the backend reads no records.
        """
        read = getattr(orchestrator.backend, "recorded_resources", None)  # type: ignore[attr-defined]
        if read is None:
            raise NotImplementedError
        jobs = run.run_metadata.get(STEP_JOBS)
        if not isinstance(jobs, dict) or step not in jobs:
            return None
        if (found := read(jobs[step])) is None:
            return None
        return RecordedResources(cpu=found.cpu, memory=found.memory, gpus=found.gpus)


def _seam(orchestrator_class: type) -> type | None:
    attribute = getattr(orchestrator_class, "backend", None)
    getter = attribute.func if isinstance(attribute, cached_property) else None
    getter = attribute.fget if isinstance(attribute, property) else getter
    if getter is None:
        return None
    # Pydantic comes with it, which a session that judges nothing need not load.
    from zenml_conformance.fake_backend.adapter import job_states

    try:
        seam = typing.get_type_hints(getter).get("return")
    except NameError:
        return None
    if not isinstance(seam, type) or job_states(seam) is None:
        return None
    return seam if all(hasattr(seam, n) for n in ("submit", "status", "cancel")) else None
