"""Faults of topology: edges, steps and their names lost on the way."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from faulty.former import BOTH, NATIVE_DAG, breaks
from zenml_conformance.fake_backend.jobs import Job, JobState
from zenml_conformance.former_reference.coordinator import Walk
from zenml_conformance.former_reference.entrypoint import ReferenceStepEntrypoint
from zenml_conformance.former_reference.orchestrator import ReferenceOrchestrator

if TYPE_CHECKING:
    from zenml.config.step_configurations import Step
    from zenml.models import PipelineRunResponse, PipelineSnapshotResponse


@breaks("DAG-5", topologies=BOTH)
class NamedByFunction(ReferenceOrchestrator):
    """A step's command names its function."""

    def step_command(self, snapshot: PipelineSnapshotResponse, name: str) -> tuple[str, ...]:
        arguments = ReferenceStepEntrypoint.get_entrypoint_arguments(
            step_name=snapshot.step_configurations[name].config.name, snapshot_id=snapshot.id
        )
        return (sys.executable, "-m", "zenml.entrypoints.entrypoint", *arguments)


@breaks("DAG-1")
class OnlyEdgesWithData(ReferenceOrchestrator):
    """Edges that carry no data are lost."""

    def parents(self, step: Step) -> list[str]:
        given: list[Any] = []
        for value in step.spec.inputs.values():
            given += value if isinstance(value, list) else [value]
        return sorted({item.step_name for item in given})


@breaks("DAG-1", topologies=BOTH)
class AllAtOnce(ReferenceOrchestrator):
    """Nothing waits for anything."""

    def parents(self, step: Step) -> list[str]:
        return []


@breaks("DAG-1")
class AfterAnyParent(Walk):
    """A step starts when one of the steps upstream of it is done."""

    def _may_start(self, name: str) -> bool:
        parents = self.orchestrator.parents(self.snapshot.step_configurations[name])
        return not parents or any(parent in self.done for parent in parents)


@breaks("DAG-1", topologies=(NATIVE_DAG,))
class LastParentLost(ReferenceOrchestrator):
    """Of several dependencies the last is lost."""

    def parents(self, step: Step) -> list[str]:
        parents = super().parents(step)
        return parents[:-1] if len(parents) > 1 else parents


@breaks("DAG-2")
class LastStepLeftOut(ReferenceOrchestrator):
    """One step is never submitted."""

    def steps_in_order(self, snapshot: PipelineSnapshotResponse) -> list[tuple[str, Step]]:
        return super().steps_in_order(snapshot)[:-1]


@breaks("DAG-2", topologies=(NATIVE_DAG,))
class OneStepTwice(ReferenceOrchestrator):
    """One step is submitted twice."""

    def steps_in_order(self, snapshot: PipelineSnapshotResponse) -> list[tuple[str, Step]]:
        steps = super().steps_in_order(snapshot)
        return [*steps, steps[-1]]


@breaks("DAG-2")
class FailsAGoodRun(ReferenceOrchestrator):
    """A run whose last step is still missing is given up too early."""

    def skips(self, name: str, run: PipelineRunResponse) -> bool:
        return super().skips(name, run) or name == "join"


@breaks("DAG-3")
class GoesOnAfterAFailure(ReferenceOrchestrator):
    """A step counts as done when its job has ended."""

    def state_after(self, state: JobState, run: PipelineRunResponse, name: str) -> bool:
        return state.is_ended


@breaks("DAG-3", topologies=(NATIVE_DAG,))
class DependsOnTheEnd(ReferenceOrchestrator):
    """Jobs depend on the end of others, however they ended."""

    def step_job(self, *arguments: Any) -> Job:
        return super().step_job(*arguments).model_copy(update={"start_when": "ended"})


@breaks("DAG-4")
class OneAfterTheOther(Walk):
    """One step at a time."""

    def _may_start(self, name: str) -> bool:
        first_of_all = not self.live and super()._may_start(name)
        return first_of_all and name == next(
            n for n in self.snapshot.step_configurations if n not in self.done | self.failed
        )


@breaks("DAG-4", topologies=(NATIVE_DAG,))
class OneLongChain(ReferenceOrchestrator):
    """Each step depends on the one before it."""

    def submit_dag(self, snapshot: PipelineSnapshotResponse, *arguments: Any) -> dict[str, str]:
        names = list(snapshot.step_configurations)
        self.before = dict(zip(names[1:], names, strict=False))
        return super().submit_dag(snapshot, *arguments)

    def parents(self, step: Step) -> list[str]:
        before = getattr(self, "before", {}).get(step.spec.invocation_id)
        return [before] if before else []
