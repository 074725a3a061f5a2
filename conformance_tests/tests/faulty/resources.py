"""Faults of resources and settings: requests lost, changed or given to the wrong job."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from faulty.former import BOTH, NATIVE_DAG, breaks
from zenml_conformance.former_reference.orchestrator import ReferenceOrchestrator

if TYPE_CHECKING:
    from zenml.config.resource_settings import ResourceSettings
    from zenml.config.step_configurations import Step
    from zenml.models import PipelineSnapshotResponse


def most(requests: list[dict[str, Any]]) -> dict[str, Any]:
    """The largest figure of each kind."""
    asked = [(key, value) for one in requests for key, value in one.items() if value is not None]
    return {key: value for key, value in sorted(asked)}


@breaks("RES-1", topologies=(NATIVE_DAG,))
class ResourcesIgnored(ReferenceOrchestrator):
    """Nothing of what a step asks for is passed on."""

    def step_resources(self, step: Step, snapshot: PipelineSnapshotResponse) -> dict[str, Any]:
        return {}


@breaks("RES-1", topologies=(NATIVE_DAG,))
class GpusIgnored(ReferenceOrchestrator):
    """One of three requests is not passed on."""

    def step_resources(self, step: Step, snapshot: PipelineSnapshotResponse) -> dict[str, Any]:
        return {**super().step_resources(step, snapshot), "gpus": None}


@breaks("RES-2", topologies=(NATIVE_DAG,))
class DecimalTakenForBinary(ReferenceOrchestrator):
    """GB are taken for GiB."""

    def memory(self, asked: ResourceSettings) -> int | None:
        binary = asked.memory and re.sub("i?B$", "iB", asked.memory)
        return super().memory(asked.model_copy(update={"memory": binary}))


@breaks("RES-2", topologies=(NATIVE_DAG,))
class OneUnitWrong(ReferenceOrchestrator):
    """TiB are taken for TB."""

    def memory(self, asked: ResourceSettings) -> int | None:
        if asked.memory and asked.memory.endswith("TiB"):
            return int(asked.memory.removesuffix("TiB")) * 1000**4
        return super().memory(asked)


@breaks("RES-2", topologies=(NATIVE_DAG,))
class WholeGigabytes(ReferenceOrchestrator):
    """Memory is rounded down to whole units."""

    def memory(self, asked: ResourceSettings) -> int | None:
        exact = super().memory(asked)
        return None if exact is None else exact // 1024**2 * 1024**2


@breaks("RES-2", topologies=(NATIVE_DAG,))
class WholeCpus(ReferenceOrchestrator):
    """Half a cpu is none."""

    def step_resources(self, step: Step, snapshot: PipelineSnapshotResponse) -> dict[str, Any]:
        asked = super().step_resources(step, snapshot)
        return {**asked, "cpu": int(asked["cpu"])} if asked.get("cpu") else asked


@breaks("RES-2", "RES-3", "RES-4", topologies=(NATIVE_DAG,))
class OneSizeForAll(ReferenceOrchestrator):
    """Every step gets the most that any step asks for."""

    def step_resources(self, step: Step, snapshot: PipelineSnapshotResponse) -> dict[str, Any]:
        own = super().step_resources
        return most([own(each, snapshot) for each in snapshot.step_configurations.values()])


@breaks("RES-3", topologies=(NATIVE_DAG,))
class NoGpuTakenForUnset(ReferenceOrchestrator):
    """A step without a GPU count has one GPU, and 0 counts as none given."""

    def step_resources(self, step: Step, snapshot: PipelineSnapshotResponse) -> dict[str, Any]:
        asked = super().step_resources(step, snapshot)
        return {**asked, "gpus": asked.get("gpus") or 1}


@breaks("RES-3", topologies=(NATIVE_DAG,))
class UnsetTakenForNothing(ReferenceOrchestrator):
    """A cpu count that is not set is 0."""

    def step_resources(self, step: Step, snapshot: PipelineSnapshotResponse) -> dict[str, Any]:
        asked = super().step_resources(step, snapshot)
        return {**asked, "cpu": asked.get("cpu") or 0}


@breaks("RES-4", topologies=(NATIVE_DAG,))
class RequestsStick(ReferenceOrchestrator):
    """What a step does not ask for is as the step before it had it."""

    last: dict[str, Any] = {}  # noqa: RUF012 - being shared is the fault

    def step_resources(self, step: Step, snapshot: PipelineSnapshotResponse) -> dict[str, Any]:
        asked = super().step_resources(step, snapshot)
        self.last.update({key: value for key, value in asked.items() if value is not None})
        return dict(self.last)


@breaks("RES-4", topologies=BOTH)
class OperatorsResourcesHere(ReferenceOrchestrator):
    """A step that a step operator runs has its resources in both places."""

    @staticmethod
    def requires_resources_in_orchestration_environment(step: Step) -> bool:
        return True


@breaks("RES-5")
class CoordinatorTakesAll(ReferenceOrchestrator):
    """The coordinator gets the most that any step asks for."""

    def coordinator_resources(self, snapshot: PipelineSnapshotResponse) -> dict[str, Any]:
        steps = snapshot.step_configurations.values()
        return most([self.step_resources(step, snapshot) for step in steps])


@breaks("SET-1")
class SettingsOfThePipeline(ReferenceOrchestrator):
    """Each step has the pipeline's settings."""

    def image(self, step: Step, snapshot: PipelineSnapshotResponse) -> str | None:
        image: str | None = getattr(self.get_settings(snapshot), "image", None)
        return image


@breaks("SET-1", topologies=(NATIVE_DAG,))
class SettingsOfTheComponent(ReferenceOrchestrator):
    """Each step has the component's configuration."""

    def image(self, step: Step, snapshot: PipelineSnapshotResponse) -> str | None:
        return self.config.image
