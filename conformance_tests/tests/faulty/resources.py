"""Faults of resources and settings: requests lost, changed or given to the wrong job."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, cast

from faulty.fault import BOTH, NATIVE_DAG, breaks
from zenml_conformance.core.job_factory import JobFactory
from zenml_conformance.core.resources import Resources, to_bytes, translate
from zenml_conformance.reference.config import ReferenceOrchestratorConfig

if TYPE_CHECKING:
    from zenml.config.base_settings import BaseSettings
    from zenml.config.step_configurations import Step, StepConfiguration
    from zenml.config.step_run_info import StepRunInfo
    from zenml.models import PipelineSnapshotResponse


def most(requests: Sequence[Resources]) -> Resources:
    """The largest figure of each kind."""

    def largest(kind: str) -> Any:
        return max((v for r in requests if (v := getattr(r, kind)) is not None), default=None)

    return Resources(**{field.name: largest(field.name) for field in fields(Resources)})


class OfAllSteps(JobFactory):
    """Knows the most that any step asks for."""

    def most_of_all(self) -> Resources:
        """The largest figure of each kind."""
        steps = self.snapshot.step_configurations
        own = [JobFactory.step_resources(self, name, step.config) for name, step in steps.items()]
        return most(own)


@breaks("RES-1", topologies=(NATIVE_DAG,))
class ResourcesIgnored(JobFactory):
    """Nothing of what a step asks for is passed on."""

    def step_resources(self, name: str, config: StepConfiguration) -> Resources:
        return Resources()


@breaks("RES-1", topologies=(NATIVE_DAG,))
class GpusIgnored(JobFactory):
    """One of three requests is not passed on."""

    def step_resources(self, name: str, config: StepConfiguration) -> Resources:
        return replace(super().step_resources(name, config), gpus=None)


class ChangesMemory(JobFactory):
    """Takes what a step asks for as another amount of memory."""

    def memory(self, asked: str) -> int:
        """Say how much memory that is."""
        raise NotImplementedError

    def step_resources(self, name: str, config: StepConfiguration) -> Resources:
        right, asked = super().step_resources(name, config), config.resource_settings.memory
        return replace(right, memory=self.memory(asked)) if right.memory and asked else right


@breaks("RES-2", topologies=(NATIVE_DAG,))
class DecimalTakenForBinary(ChangesMemory):
    """GB are taken for GiB."""

    def memory(self, asked: str) -> int:
        return to_bytes(re.sub("i?B$", "iB", asked))


@breaks("RES-2", topologies=(NATIVE_DAG,))
class OneUnitWrong(ChangesMemory):
    """TiB are taken for TB."""

    def memory(self, asked: str) -> int:
        return to_bytes(asked.replace("TiB", "TB"))


@breaks("RES-2", topologies=(NATIVE_DAG,))
class WholeGigabytes(ChangesMemory):
    """Memory is rounded down to whole units."""

    def memory(self, asked: str) -> int:
        return to_bytes(asked) // 1024**2 * 1024**2


@breaks("RES-2", topologies=(NATIVE_DAG,))
class WholeCpus(JobFactory):
    """Half a cpu is none."""

    def step_resources(self, name: str, config: StepConfiguration) -> Resources:
        asked = super().step_resources(name, config)
        return asked if asked.cpu is None else replace(asked, cpu=int(asked.cpu))


@breaks("RES-2", "RES-3", "RES-4", topologies=(NATIVE_DAG,))
class OneSizeForAll(OfAllSteps):
    """Every step gets the most that any step asks for."""

    def step_resources(self, name: str, config: StepConfiguration) -> Resources:
        return self.most_of_all()


@breaks("RES-3", topologies=(NATIVE_DAG,))
class NoGpuTakenForUnset(JobFactory):
    """A step without a GPU count has one GPU, and 0 counts as none given."""

    def step_resources(self, name: str, config: StepConfiguration) -> Resources:
        asked = super().step_resources(name, config)
        return replace(asked, gpus=asked.gpus or 1)


@breaks("RES-3", topologies=(NATIVE_DAG,))
class UnsetTakenForNothing(JobFactory):
    """A cpu count that is not set is 0."""

    def step_resources(self, name: str, config: StepConfiguration) -> Resources:
        asked = super().step_resources(name, config)
        return replace(asked, cpu=asked.cpu or 0)


@breaks("RES-4", topologies=(NATIVE_DAG,))
class RequestsStick(JobFactory):
    """What a step does not ask for is as the step before it had it."""

    last: dict[str, Any] = {}  # noqa: RUF012 - being shared is the fault

    def step_resources(self, name: str, config: StepConfiguration) -> Resources:
        asked = vars(super().step_resources(name, config))
        self.last.update({key: value for key, value in asked.items() if value is not None})
        return Resources(**self.last)


@breaks("RES-4", topologies=BOTH)
class OperatorsResourcesHere(JobFactory):
    """A step that a step operator runs has its resources in both places."""

    def step_resources(self, name: str, config: StepConfiguration) -> Resources:
        return translate(config.resource_settings, name, gpu_classes=False)


@breaks("RES-5")
class CoordinatorTakesAll(OfAllSteps):
    """The coordinator gets the most that any step asks for."""

    def control_resources(self) -> Resources:
        return self.most_of_all()


@breaks("SET-1")
class SettingsOfThePipeline(JobFactory):
    """Each step has the pipeline's settings."""

    def settings(
        self, container: Step | StepRunInfo | PipelineSnapshotResponse
    ) -> BaseSettings | None:
        return super().settings(self.snapshot)


@breaks("SET-1", topologies=(NATIVE_DAG,))
class SettingsOfTheComponent(JobFactory):
    """Each step has the component's configuration."""

    def settings(
        self, container: Step | StepRunInfo | PipelineSnapshotResponse
    ) -> BaseSettings | None:
        return cast(ReferenceOrchestratorConfig, self.orchestrator.config)
