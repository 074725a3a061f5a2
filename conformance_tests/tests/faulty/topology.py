"""Faults of topology: edges, steps and their names lost on the way."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from faulty.fault import BOTH, NATIVE_DAG, breaks
from zenml_conformance.core.coordinator import Coordinator
from zenml_conformance.core.entrypoints import StepEntrypoint
from zenml_conformance.core.job_factory import JobFactory
from zenml_conformance.core.names import job_name
from zenml_conformance.core.native_dag import DagSubmission

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zenml_conformance.core.jobs import Job


@breaks("DAG-5", topologies=BOTH)
class NamedByFunction(JobFactory):
    """A step's command names its function."""

    def step_command(self, name: str, image: str | None) -> tuple[str, ...]:
        return super().step_command(self.snapshot.step_configurations[name].config.name, image)


@breaks("DAG-1")
class OnlyEdgesWithData(Coordinator):
    """Edges that carry no data are lost."""

    def parents(self, name: str) -> Collection[str]:
        given: list[Any] = []
        for value in self.snapshot.step_configurations[name].spec.inputs.values():
            given += value if isinstance(value, list) else [value]
        return sorted({item.step_name for item in given})


class _NoEdges(DagSubmission):
    def parents(self, name: str) -> Sequence[str]:
        return []


# The core's own entrypoint of a native DAG would notice: it looks for the steps before its own.
@breaks("DAG-1", topologies=BOTH, beside=(_NoEdges, StepEntrypoint))
class AllAtOnce(Coordinator):
    """Nothing waits for anything."""

    def parents(self, name: str) -> Collection[str]:
        return []


@breaks("DAG-1")
class AfterAnyParent(Coordinator):
    """A step starts when one of the steps upstream of it is done."""

    def is_ready(self, name: str) -> bool:
        parents = self.parents(name)
        return not parents or not self.succeeded.isdisjoint(parents)


@breaks("DAG-1", topologies=(NATIVE_DAG,), beside=(StepEntrypoint,))
class LastParentLost(DagSubmission):
    """Of several dependencies the last is lost."""

    def parents(self, name: str) -> Sequence[str]:
        parents = super().parents(name)
        return parents[:-1] if len(parents) > 1 else parents


@breaks("DAG-2")
class LastStepLeftOut(Coordinator):
    """One step is never submitted."""

    def names(self) -> Sequence[str]:
        return super().names()[:-1]


@breaks("DAG-2", topologies=(NATIVE_DAG,))
class OneStepTwice(DagSubmission):
    """One step is submitted twice."""

    def submit_step(self, name: str, job: Job) -> None:
        super().submit_step(name, job)
        if name == self.names()[-1]:
            super().submit_step(name, replace(job, name=job_name("acme", name)))


@breaks("DAG-2")
class FailsAGoodRun(Coordinator):
    """A run whose last step is still missing is given up too early."""

    def is_ready(self, name: str) -> bool:
        return name != "join" and super().is_ready(name)


@breaks("DAG-3")
class GoesOnAfterAFailure(Coordinator):
    """A step counts as done when its job has ended."""

    def end(self, name: str, reason: str) -> None:
        super().end(name, reason)
        self.succeeded.add(name)


@breaks("DAG-3", topologies=(NATIVE_DAG,), beside=(StepEntrypoint,))
class DependsOnTheEnd(JobFactory):
    """Jobs depend on the end of others, however they ended."""

    def step(self, name: str, environment: Mapping[str, str]) -> Job:
        return replace(super().step(name, environment), start_when="ended")


@breaks("DAG-4")
class OneAfterTheOther(Coordinator):
    """One step at a time."""

    def is_ready(self, name: str) -> bool:
        return not self.active and name == self.pending[0] and super().is_ready(name)


@breaks("DAG-4", topologies=(NATIVE_DAG,))
class OneLongChain(DagSubmission):
    """Each step depends on the one before it."""

    def parents(self, name: str) -> Sequence[str]:
        names = self.names()
        return names[max(names.index(name) - 1, 0) : names.index(name)]


@breaks("DAG-6")
class OnePageOfSteps(Coordinator):
    """Steps are read from the first page of a list."""

    def names(self) -> Sequence[str]:
        return super().names()[:20]


@breaks("DAG-6", topologies=(NATIVE_DAG,), beside=(StepEntrypoint,))
class FewDependencies(DagSubmission):
    """A job has room for four dependencies; the others are lost."""

    def parents(self, name: str) -> Sequence[str]:
        return super().parents(name)[:4]


@breaks("DAG-6", topologies=(NATIVE_DAG,), beside=(StepEntrypoint,))
class LastDependencies(DagSubmission):
    """The same, but it is the first ones that are lost."""

    def parents(self, name: str) -> Sequence[str]:
        return super().parents(name)[-4:]


@breaks("DAG-6")
class AfterTheFirstParent(Coordinator):
    """A step starts when the first of the steps upstream of it is done."""

    def parents(self, name: str) -> Collection[str]:
        parents = sorted(super().parents(name))
        return parents[:1] if name.startswith("train") else parents
