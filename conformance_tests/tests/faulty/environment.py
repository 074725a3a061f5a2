"""Faults of environment: variables dropped, mixed up, spoilt or shown."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zenml.entrypoints.step_entrypoint_configuration import StepEntrypointConfiguration
from zenml.orchestrators.utils import get_config_environment_vars

from faulty.fault import BOTH, NATIVE_DAG, breaks, sound
from zenml_conformance.core.coordinator import Coordinator
from zenml_conformance.core.entrypoints import StepEntrypoint
from zenml_conformance.core.job_factory import JobFactory
from zenml_conformance.core.jobs import Job
from zenml_conformance.core.native_dag import NativeDagTopology

if TYPE_CHECKING:
    from zenml.config.step_configurations import Step
    from zenml.config.step_run_info import StepRunInfo
    from zenml.models import PipelineRunResponse, PipelineSnapshotResponse

    from zenml_conformance.core.topology import SubmittedJobs


@breaks("ENV-1", topologies=BOTH)
class OneVariableDropped(JobFactory):
    """One variable of the user's is lost."""

    def environment(self, given: Mapping[str, str], image: str | None) -> dict[str, str]:
        kept = {k: v for k, v in given.items() if k != "CONFORMANCE_PLAIN"}
        return super().environment(kept, image)


@breaks("ENV-1", topologies=(NATIVE_DAG,))
class EmptyVariablesDropped(JobFactory):
    """A variable without a value is taken for no variable."""

    def environment(self, given: Mapping[str, str], image: str | None) -> dict[str, str]:
        return super().environment({k: v for k, v in given.items() if v}, image)


@breaks("ENV-1")
class OnlyZenMLsVariables(Coordinator):
    """The coordinator computes half of a step's environment."""

    def environment(self, name: str) -> dict[str, str]:
        environment, secrets = get_config_environment_vars()
        return {**environment, **secrets}


@breaks("ENV-1", topologies=(NATIVE_DAG,))
class StoreForgotten(JobFactory):
    """Nothing that ZenML needs arrives."""

    def environment(self, given: Mapping[str, str], image: str | None) -> dict[str, str]:
        kept = {k: v for k, v in given.items() if not k.startswith("ZENML_")}
        return super().environment(kept, image)


@breaks("APP-1", topologies=BOTH)
class MadeForContainers(StepEntrypoint):
    """The entrypoint is ZenML's own, and there is no image."""

    prepare_code_environment = StepEntrypointConfiguration.prepare_code_environment


@sound(topologies=BOTH, scenarios=("diamond", "never_started"))
class InContainers(JobFactory):
    """The entrypoint is ZenML's own, and every job has an image."""

    def image(
        self, container: Step | StepRunInfo | PipelineSnapshotResponse, step: str | None = None
    ) -> str | None:
        return "acme/steps:1"


@breaks("ENV-2")
class OneEnvironmentForAll(JobFactory):
    """Every step gets what the steps before it got, too."""

    shared: dict[str, str] = {}  # noqa: RUF012 - being shared is the fault

    def environment(self, given: Mapping[str, str], image: str | None) -> dict[str, str]:
        self.shared.update(given)
        return super().environment(self.shared, image)


@breaks("ENV-2", topologies=(NATIVE_DAG,))
class OneEnvironmentForAFunction(NativeDagTopology):
    """Two calls of a function get the first call's values."""

    def submit(
        self,
        factory: JobFactory,
        run: PipelineRunResponse,
        base_environment: Mapping[str, str],
        step_environments: Mapping[str, Mapping[str, str]],
    ) -> SubmittedJobs:
        steps = factory.snapshot.step_configurations
        mixed = {
            name: {**environment, **step_environments[steps[name].config.name]}
            for name, environment in step_environments.items()
        }
        return super().submit(factory, run, base_environment, mixed)


class Spoils(JobFactory):
    """Changes the values of the user's variables on the way."""

    def spoil(self, value: str) -> str:
        """Change a value."""
        raise NotImplementedError

    def environment(self, given: Mapping[str, str], image: str | None) -> dict[str, str]:
        spoilt = {
            key: self.spoil(value) if key.startswith("CONFORMANCE_") else value
            for key, value in given.items()
        }
        return super().environment(spoilt, image)


@breaks("ENV-3")
class ShellExpands(Spoils):
    """A shell expands what looks like a variable."""

    def spoil(self, value: str) -> str:
        return value.replace("$HOME", os.environ["HOME"])


@breaks("ENV-3")
class LinesJoined(Spoils):
    """A template has one line for each variable."""

    def spoil(self, value: str) -> str:
        return value.replace("\n", " ")


@breaks("ENV-3")
class BlanksStripped(Spoils):
    """Leading and trailing blanks are lost."""

    def spoil(self, value: str) -> str:
        return value.strip(" ")


@breaks("ENV-3", topologies=(NATIVE_DAG,))
class CutAtAKilobyte(Spoils):
    """Values have a limit."""

    def spoil(self, value: str) -> str:
        return value[:1024]


@breaks("ENV-3", topologies=(NATIVE_DAG,))
class DollarsDoubled(Spoils):
    """Values are escaped for a tool that does not unescape them."""

    def spoil(self, value: str) -> str:
        return value.replace("$", "$$")


@breaks("ENV-3", topologies=(NATIVE_DAG,))
class OnlyAscii(Spoils):
    """What is not ASCII is replaced."""

    def spoil(self, value: str) -> str:
        return value.encode("ascii", "replace").decode()


class ShowsSecrets(JobFactory):
    """Puts the environment of a step where others can see it."""

    def show(self, job: Job, values: str) -> Job:
        """Show it."""
        raise NotImplementedError

    def step(self, name: str, environment: Mapping[str, str]) -> Job:
        job = super().step(name, environment)
        token = job.environment.get("CONFORMANCE_TOKEN")
        return self.show(job, token) if token else job


@breaks("ENV-4", topologies=(NATIVE_DAG,))
class SecretOnTheCommandLine(ShowsSecrets):
    """Variables are options of the command."""

    def show(self, job: Job, values: str) -> Job:
        return replace(job, command=(*job.command, "--token", values))


@breaks("ENV-4")
class SecretInALabel(ShowsSecrets):
    """Variables are labels."""

    def show(self, job: Job, values: str) -> Job:
        return replace(job, labels={**job.labels, "token": values})


@breaks("ENV-4")
class SecretInTheLog(ShowsSecrets):
    """Submission prints what it submits."""

    def show(self, job: Job, values: str) -> Job:
        print(f"submitting {job.environment}", flush=True)
        return job


@breaks("ENV-4", topologies=(NATIVE_DAG,))
class SecretInAPublicFile(ShowsSecrets):
    """Variables travel in a file that all users can read."""

    def show(self, job: Job, values: str) -> Job:
        path = Path("job.env")
        path.write_text(values)
        path.chmod(0o644)
        return job


@dataclass(frozen=True)
class _Annotated(Job):
    annotations: Mapping[str, str] | None = None


@breaks("ENV-4", topologies=(NATIVE_DAG,))
class SecretInTheDescription(ShowsSecrets):
    """The backend's description of the job repeats its environment."""

    def show(self, job: Job, values: str) -> Job:
        fields: dict[str, Any] = vars(job)
        return _Annotated(**fields, annotations={"env": values})


@breaks("ENV-4")
class CoordinatorPrintsItsEnvironment(Coordinator):
    """The steps' variables are kept to themselves; the coordinator's are in its log."""

    def walk(self) -> None:
        print(f"started with {dict(os.environ)}", flush=True)
        super().walk()


@breaks("ENV-4")
class CoordinatorKeepsAPublicFile(Coordinator):
    """The coordinator keeps its environment in a file, for a restart, and all can read it."""

    def walk(self) -> None:
        path = Path("coordinator.env")
        path.write_text(json.dumps(dict(os.environ)))
        path.chmod(0o644)
        super().walk()


class WithoutARepositoryPath(JobFactory):
    """Nothing keeps jobs from looking for `.zen` above them."""

    def environment(self, given: Mapping[str, str], image: str | None) -> dict[str, str]:
        completed = super().environment(given, image)
        return {k: v for k, v in completed.items() if k != "ZENML_REPOSITORY_PATH"}


@breaks("ENV-7", topologies=BOTH)
class JobsUseTheClientsRepository(WithoutARepositoryPath):
    """Jobs are started below the client's `.zen`, find it, and write it."""


@sound(scenarios=("client_killed",))
class ContainersSeeNoRepository(WithoutARepositoryPath, InContainers):
    """Jobs are told nothing of `.zen`, and run in containers, where there is none."""
