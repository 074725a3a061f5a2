"""What a fault is, and how one is declared."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeVar

from zenml.orchestrators import (
    BaseOrchestrator,
    BaseOrchestratorConfig,
    BaseOrchestratorFlavor,
    ContainerizedOrchestrator,
)

from makefile.flavor import MakefileFlavor
from threaded.flavor import ThreadedFlavor
from zenml_conformance.core.coordinator import Coordinator, CoordinatorTopology
from zenml_conformance.core.entrypoints import StepEntrypoint
from zenml_conformance.core.job_factory import JobFactory
from zenml_conformance.core.native_dag import DagSubmission, NativeDagTopology
from zenml_conformance.core.reconciliation import Reconciliation
from zenml_conformance.core.stopping import Stop
from zenml_conformance.core.topology import Topology
from zenml_conformance.reference.flavor import ReferenceOrchestratorFlavor
from zenml_conformance.reference.orchestrator import ReferenceOrchestrator
from zenml_conformance.target.capability import Capability
from zenml_conformance.target.spec import TargetSpec

if TYPE_CHECKING:
    from uuid import UUID

    from zenml.models import PipelineRunResponse, PipelineSnapshotResponse
    from zenml.stack import Stack

    from zenml_conformance.core.orchestrator import JobOrchestrator
    from zenml_conformance.fake_backend import FakeBackend

COORDINATOR, NATIVE_DAG = "coordinator", "native_dag"
BOTH = (COORDINATOR, NATIVE_DAG)


@dataclass(frozen=True)
class Construction:
    """An orchestrator that is right, from which faulty ones are made.

    Attributes:
        target: The orchestrator.
        declared: What it declares.
    """

    target: TargetSpec
    declared: frozenset[Capability] = frozenset(Capability)

    @property
    def is_black_box(self) -> bool:
        """Whether the suite can't connect the fake backend."""
        return self.target.ref != "reference" and self.target.harness is None


MAKEFILE, THREADED = "makefile", "threaded"

CONSTRUCTIONS = {
    topology: Construction(TargetSpec(ref="reference", config={"topology": topology}))
    for topology in BOTH
} | {
    MAKEFILE: Construction(
        # Its runs, and some of its steps, are started from nothing, many at a time here.
        TargetSpec(ref="makefile.flavor:ForkingMakefileFlavor", patience=90.0),
        frozenset({Capability.STOP}),
    ),
    THREADED: Construction(
        TargetSpec(
            ref="threaded.flavor:ThreadedFlavor", harness="threaded.harness:ThreadedHarness"
        ),
        frozenset({Capability.STOP, Capability.STATUS}),
    ),
}
"""By name: the core in its two topologies, and two that share no line with it."""

Part = TypeVar("Part", bound=type)
T = TypeVar("T")


@dataclass(frozen=True)
class Fault:
    """A faulty orchestrator, in one construction.

    Attributes:
        flavor: Import path of its flavor.
        construction: What it was made from: a name in `CONSTRUCTIONS`.
        breaks: Exactly the rules that must be red.
        scenarios: Scenarios to run; none: the first that each of these rules looks at.
        is_registered_as_sound: Whether ZenML's store has the same of it as of what it was made
            from, but for its path.
    """

    flavor: str
    construction: str
    breaks: frozenset[str]
    scenarios: tuple[str, ...]
    is_registered_as_sound: bool = True

    def __str__(self) -> str:
        """Name it, for pytest."""
        return f"{self.flavor.partition(':')[2].removesuffix('Flavor')}-{self.construction}"

    @property
    def target(self) -> TargetSpec:
        """How it is given to the suite."""
        return CONSTRUCTIONS[self.construction].target.model_copy(update={"ref": self.flavor})


REGISTERED_ANEW = (BaseOrchestratorConfig, BaseOrchestratorFlavor, ContainerizedOrchestrator)
"""Parts of which ZenML keeps more than the flavor's path, or with which a stack has more in it."""

FAULTS: list[Fault] = []
"""Every fault of the bank."""


def breaks(
    *rules: str,
    topologies: tuple[str, ...] = (COORDINATOR,),
    scenarios: tuple[str, ...] = (),
    beside: tuple[type, ...] = (),
) -> Callable[[Part], Part]:
    """Put a faulty part of the reference orchestrator into the bank.

    The part is a subclass of its flavor, its configuration, itself, or one of the core's classes
    that `Assembled` lists; everything else stays as it is.

    Args:
        *rules: Exactly the rules that must be red.
        topologies: In which topologies.
        scenarios: Scenarios to run; none: the first that each of these rules looks at.
        beside: More parts, for a fault that takes several.

    Returns:
        A decorator that leaves the class as it is.
    """

    def register(part: Part) -> Part:
        flavor = _flavor(part, *beside)
        # ZenML finds a flavor by its import path.
        setattr(sys.modules[part.__module__], flavor.__name__, flavor)
        parts: tuple[type, ...] = (part, *beside)
        as_sound = not any(issubclass(each, REGISTERED_ANEW) for each in parts)
        for topology in topologies:
            source = f"{part.__module__}:{flavor.__name__}"
            FAULTS.append(Fault(source, topology, frozenset(rules), scenarios, as_sound))
        return part

    return register


def sound(
    *,
    scenarios: tuple[str, ...],
    topologies: tuple[str, ...] = (COORDINATOR,),
    beside: tuple[type, ...] = (),
) -> Callable[[Part], Part]:
    """Put a part that is unlike the reference's, and no less right, into the bank.

    Args:
        scenarios: Scenarios to run; no rule about them may be red.
        topologies: In which topologies.
        beside: More parts.

    Returns:
        A decorator that leaves the class as it is.
    """
    return breaks(topologies=topologies, scenarios=scenarios, beside=beside)


def breaks_foreign(
    construction: str, *rules: str, scenarios: tuple[str, ...] = ()
) -> Callable[[Part], Part]:
    """Put a faulty orchestrator into the bank that shares no line with the core.

    Args:
        construction: What it is a subclass of: `MAKEFILE` or `THREADED`.
        *rules: Exactly the rules that must be red.
        scenarios: Scenarios to run; none: the first that each of these rules looks at.

    Returns:
        A decorator that leaves the class as it is.
    """
    base = {MAKEFILE: MakefileFlavor, THREADED: ThreadedFlavor}[construction]

    def register(orchestrator: Part) -> Part:
        class Flavor(base):  # type: ignore[misc, valid-type]
            @property
            def implementation_class(self) -> type[BaseOrchestrator]:
                return orchestrator

        name, module = f"{orchestrator.__name__}Flavor", orchestrator.__module__
        flavor = type(name, (Flavor,), {"__module__": module, "__qualname__": name})
        setattr(sys.modules[module], name, flavor)
        FAULTS.append(Fault(f"{module}:{name}", construction, frozenset(rules), scenarios))
        return orchestrator

    return register


def fake_backend(orchestrator: JobOrchestrator) -> FakeBackend:
    """Return the fake backend itself, which can do more than the seam has words for."""
    backend: FakeBackend = orchestrator.backend.fake  # type: ignore[attr-defined]
    return backend


class Assembled(ReferenceOrchestrator):
    """The reference orchestrator, made with other parts than its own where there are any."""

    parts: ClassVar[tuple[type, ...]]

    @classmethod
    def part(cls, base: type[T]) -> type[T]:
        """Return the part that takes the place of a class: a subclass of it, or the class."""
        return next((part for part in cls.parts if issubclass(part, base)), base)

    @property
    def topology_class(self) -> type[Topology]:  # type: ignore[override]
        topology = super().topology_class
        own = self.part(topology)
        return _OF_PARTS[topology] if own is topology else own

    @property
    def step_entrypoint(self) -> type[StepEntrypoint]:
        own = [part for part in self.parts if issubclass(part, StepEntrypoint)]
        return own[0] if own else super().step_entrypoint

    def job_factory(
        self, snapshot: PipelineSnapshotResponse, stack: Stack, run_id: str | None
    ) -> JobFactory:
        return self.part(JobFactory)(**vars(super().job_factory(snapshot, stack, run_id)))

    def reconciliation(self, run_id: UUID) -> Reconciliation:
        return self.part(Reconciliation)(run_id)

    def stop(self, run_id: UUID) -> Stop:
        return self.part(Stop)(self, run_id)


class _Coordinator(CoordinatorTopology):
    def coordinator(
        self, snapshot: PipelineSnapshotResponse, run: PipelineRunResponse, run_id: str
    ) -> Coordinator:
        assert isinstance(self.orchestrator, Assembled)
        return self.orchestrator.part(Coordinator)(self.orchestrator, snapshot, run, run_id)


class _NativeDag(NativeDagTopology):
    def submission(
        self, snapshot: PipelineSnapshotResponse, run: PipelineRunResponse
    ) -> DagSubmission:
        assert isinstance(self.orchestrator, Assembled)
        return self.orchestrator.part(DagSubmission)(self.orchestrator, snapshot, run)


_OF_PARTS: dict[type[Topology], type[Topology]] = {
    CoordinatorTopology: _Coordinator,
    NativeDagTopology: _NativeDag,
}


def _flavor(*parts: type) -> type[ReferenceOrchestratorFlavor]:
    first = parts[0]
    whole = [part for part in parts if issubclass(part, ReferenceOrchestrator)]
    members = {"parts": parts, "__module__": first.__module__, "__qualname__": first.__qualname__}
    orchestrator = type(first.__name__, (*whole, Assembled), members)
    configs = [part for part in parts if issubclass(part, BaseOrchestratorConfig)]
    flavors = [part for part in parts if issubclass(part, ReferenceOrchestratorFlavor)]

    class Flavor(ReferenceOrchestratorFlavor):
        @property
        def config_class(self) -> type[BaseOrchestratorConfig]:
            return configs[0] if configs else super().config_class

        @property
        def implementation_class(self) -> type[BaseOrchestrator]:
            return orchestrator

    flavor = type(f"{first.__name__}Flavor", (*flavors, Flavor), {"__module__": first.__module__})
    flavor.__qualname__ = flavor.__name__
    return flavor
