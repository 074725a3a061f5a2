"""How faults of the former reference orchestrator are declared: those that have not been ported."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from zenml.orchestrators import BaseOrchestrator, BaseOrchestratorConfig

from faulty.fault import BOTH as BOTH
from faulty.fault import COORDINATOR, FAULTS, Fault
from faulty.fault import NATIVE_DAG as NATIVE_DAG
from zenml_conformance.former_reference.coordinator import Walk
from zenml_conformance.former_reference.entrypoint import ReferenceStepEntrypoint
from zenml_conformance.former_reference.flavor import ReferenceOrchestratorFlavor
from zenml_conformance.former_reference.orchestrator import ReferenceOrchestrator
from zenml_conformance.former_reference.settlement import Settlement
from zenml_conformance.former_reference.stopping import Stop

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse, PipelineSnapshotResponse

Part = TypeVar("Part", bound=type)


def breaks(
    *rules: str,
    topologies: tuple[str, ...] = (COORDINATOR,),
    scenarios: tuple[str, ...] = (),
) -> Callable[[Part], Part]:
    """Put a faulty part of the reference orchestrator into the bank.

    The part is a subclass of the reference's flavor, config, orchestrator, coordinator's walk,
    settlement, stop or step entrypoint; everything else stays as it is.

    Args:
        *rules: Exactly the rules that must be red.
        topologies: In which topologies.
        scenarios: Scenarios to play; none: the first that each of these rules looks at.

    Returns:
        A decorator that leaves the class as it is.
    """

    def register(part: Part) -> Part:
        flavor = _flavor_with(part)
        flavor.__name__ = flavor.__qualname__ = f"{part.__name__}Flavor"
        flavor.__module__ = part.__module__
        # ZenML finds a flavor by its import path.
        setattr(sys.modules[part.__module__], flavor.__name__, flavor)
        for topology in topologies:
            source = f"{part.__module__}:{flavor.__name__}"
            FAULTS.append(Fault(source, topology, frozenset(rules), scenarios))
        return part

    return register


def sound(
    *, scenarios: tuple[str, ...], topologies: tuple[str, ...] = (COORDINATOR,)
) -> Callable[[Part], Part]:
    """Put a part that is unlike the reference's, and no less right, into the bank.

    Args:
        scenarios: Scenarios to play; no rule about them may be red.
        topologies: In which topologies.

    Returns:
        A decorator that leaves the class as it is.
    """
    return breaks(topologies=topologies, scenarios=scenarios)


def _flavor_with(part: type) -> type[ReferenceOrchestratorFlavor]:
    if issubclass(part, ReferenceOrchestratorFlavor):
        return type("", (part,), {})

    class Flavor(ReferenceOrchestratorFlavor):
        @property
        def config_class(self) -> type[BaseOrchestratorConfig]:
            is_config = issubclass(part, BaseOrchestratorConfig)
            return part if is_config else super().config_class

        @property
        def implementation_class(self) -> type[BaseOrchestrator]:
            return _orchestrator_with(part)

    return Flavor


def _orchestrator_with(part: type) -> type[ReferenceOrchestrator]:
    if issubclass(part, ReferenceOrchestrator):
        return part
    return _ORCHESTRATORS.setdefault(part, _assemble(part))


_ORCHESTRATORS: dict[type, type[ReferenceOrchestrator]] = {}


def _assemble(part: type) -> type[ReferenceOrchestrator]:
    class Orchestrator(ReferenceOrchestrator):
        def coordinate(self, snapshot: PipelineSnapshotResponse, run_id: str) -> None:
            walk = part if issubclass(part, Walk) else Walk
            walk(self, snapshot, run_id).run()

        def settlement(self, run_id: str, snapshot: PipelineSnapshotResponse) -> Settlement:
            settlement = part if issubclass(part, Settlement) else Settlement
            return settlement(run_id, snapshot, self)

        def stop(self, run: PipelineRunResponse) -> Stop:
            stop = part if issubclass(part, Stop) else Stop
            return stop(run.id, self)

        def step_command(self, snapshot: PipelineSnapshotResponse, name: str) -> tuple[str, ...]:
            if not issubclass(part, ReferenceStepEntrypoint):
                return super().step_command(snapshot, name)
            arguments = part.get_entrypoint_arguments(step_name=name, snapshot_id=snapshot.id)
            return (sys.executable, "-m", "zenml.entrypoints.entrypoint", *arguments)

    Orchestrator.__module__, Orchestrator.__qualname__ = part.__module__, part.__qualname__
    return Orchestrator
