"""Faults of environment: variables dropped, mixed up, spoilt or shown."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zenml.entrypoints.step_entrypoint_configuration import StepEntrypointConfiguration
from zenml.orchestrators.utils import get_config_environment_vars

from faulty.former import BOTH, NATIVE_DAG, breaks, sound
from zenml_conformance.fake_backend.jobs import Job
from zenml_conformance.former_reference.entrypoint import ReferenceStepEntrypoint
from zenml_conformance.former_reference.orchestrator import ReferenceOrchestrator

if TYPE_CHECKING:
    from zenml.config.step_configurations import Step
    from zenml.models import PipelineSnapshotResponse
    from zenml.stack import Stack


@breaks("ENV-1", topologies=BOTH)
class OneVariableDropped(ReferenceOrchestrator):
    """One variable of the user's is lost."""

    def job_environment(self, environment: dict[str, str], run_id: str) -> dict[str, str]:
        kept = {k: v for k, v in environment.items() if k != "CONFORMANCE_PLAIN"}
        return super().job_environment(kept, run_id)


@breaks("ENV-1", topologies=(NATIVE_DAG,))
class EmptyVariablesDropped(ReferenceOrchestrator):
    """A variable without a value is taken for no variable."""

    def job_environment(self, environment: dict[str, str], run_id: str) -> dict[str, str]:
        return super().job_environment({k: v for k, v in environment.items() if v}, run_id)


@breaks("ENV-1")
class OnlyZenMLsVariables(ReferenceOrchestrator):
    """The coordinator computes half of a step's environment."""

    def environment_of(self, step: Step, stack: Stack) -> dict[str, str]:
        environment, secrets = get_config_environment_vars()
        return {**environment, **secrets}


@breaks("ENV-1", topologies=(NATIVE_DAG,))
class StoreForgotten(ReferenceOrchestrator):
    """Nothing that ZenML needs arrives."""

    def job_environment(self, environment: dict[str, str], run_id: str) -> dict[str, str]:
        kept = {k: v for k, v in environment.items() if not k.startswith("ZENML_")}
        return super().job_environment(kept, run_id)


@breaks("APP-1", topologies=BOTH)
class MadeForContainers(ReferenceStepEntrypoint):
    """The entrypoint is ZenML's own, and there is no image."""

    prepare_code_environment = StepEntrypointConfiguration.prepare_code_environment


@sound(topologies=BOTH, scenarios=("diamond", "never_started"))
class InContainers(ReferenceOrchestrator):
    """The entrypoint is ZenML's own, and every job has an image."""

    def step_job(self, *arguments: Any) -> Job:
        return super().step_job(*arguments).model_copy(update={"image": "acme/steps:1"})

    def step_command(self, snapshot: PipelineSnapshotResponse, name: str) -> tuple[str, ...]:
        arguments = StepEntrypointConfiguration.get_entrypoint_arguments(
            step_name=name, snapshot_id=snapshot.id
        )
        return ("python", "-m", "zenml.entrypoints.entrypoint", *arguments)


@breaks("ENV-2")
class OneEnvironmentForAll(ReferenceOrchestrator):
    """Every step gets what the steps before it got, too."""

    shared: dict[str, str] = {}  # noqa: RUF012 - being shared is the fault

    def job_environment(self, environment: dict[str, str], run_id: str) -> dict[str, str]:
        self.shared.update(environment)
        return super().job_environment(self.shared, run_id)


@breaks("ENV-2", topologies=(NATIVE_DAG,))
class OneEnvironmentForAFunction(ReferenceOrchestrator):
    """Two calls of a function get the first call's values."""

    def submit_dag(
        self,
        snapshot: PipelineSnapshotResponse,
        stack: Stack,
        run_id: str,
        base_environment: dict[str, str],
        step_environments: dict[str, dict[str, str]],
    ) -> dict[str, str]:
        steps = snapshot.step_configurations
        mixed = {
            name: {**environment, **step_environments[steps[name].config.name]}
            for name, environment in step_environments.items()
        }
        return super().submit_dag(snapshot, stack, run_id, base_environment, mixed)


class Spoils(ReferenceOrchestrator):
    """Changes the values of the user's variables on the way."""

    def spoil(self, value: str) -> str:
        """Change a value."""
        raise NotImplementedError

    def job_environment(self, environment: dict[str, str], run_id: str) -> dict[str, str]:
        spoilt = {
            key: self.spoil(value) if key.startswith("CONFORMANCE_") else value
            for key, value in environment.items()
        }
        return super().job_environment(spoilt, run_id)


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


class ShowsSecrets(ReferenceOrchestrator):
    """Puts the environment of a step where others can see it."""

    def show(self, job: Job, values: str) -> Job:
        """Show it."""
        raise NotImplementedError

    def step_job(self, *arguments: Any) -> Job:
        job = super().step_job(*arguments)
        token = job.environment.get("CONFORMANCE_TOKEN")
        return self.show(job, token) if token else job


@breaks("ENV-4", topologies=(NATIVE_DAG,))
class SecretOnTheCommandLine(ShowsSecrets):
    """Variables are options of the command."""

    def show(self, job: Job, values: str) -> Job:
        return job.model_copy(update={"command": (*job.command, "--token", values)})


@breaks("ENV-4")
class SecretInALabel(ShowsSecrets):
    """Variables are labels."""

    def show(self, job: Job, values: str) -> Job:
        return job.model_copy(update={"labels": {**job.labels, "token": values}})


@breaks("ENV-4")
class SecretInTheLog(ShowsSecrets):
    """Submission prints what it submits."""

    def show(self, job: Job, values: str) -> Job:
        print(f"submitting {job.environment}", flush=True)
        return job


@breaks("ENV-4", topologies=(NATIVE_DAG,))
class SecretInAPublicFile(ShowsSecrets):
    """Variables travel in a file that everybody can read."""

    def show(self, job: Job, values: str) -> Job:
        path = Path("job.env")
        path.write_text(values)
        path.chmod(0o644)
        return job


@breaks("ENV-4", topologies=(NATIVE_DAG,))
class SecretInTheDescription(ShowsSecrets):
    """The backend's description of the job repeats its environment."""

    def show(self, job: Job, values: str) -> Job:
        return job.model_copy(update={"spec": {"annotations": {"env": values}}})


@breaks("ENV-4")
class CoordinatorPrintsItsEnvironment(ReferenceOrchestrator):
    """The steps' variables are kept to themselves; the coordinator's are in its log."""

    def coordinate(self, snapshot: PipelineSnapshotResponse, run_id: str) -> None:
        print(f"started with {dict(os.environ)}", flush=True)
        super().coordinate(snapshot, run_id)


@breaks("ENV-4")
class CoordinatorKeepsAPublicFile(ReferenceOrchestrator):
    """The coordinator keeps its environment in a file, for a restart, and everybody can read it."""

    def coordinate(self, snapshot: PipelineSnapshotResponse, run_id: str) -> None:
        path = Path("coordinator.env")
        path.write_text(json.dumps(dict(os.environ)))
        path.chmod(0o644)
        super().coordinate(snapshot, run_id)


class WithoutARepositoryPath(ReferenceOrchestrator):
    """Nothing keeps jobs from looking for `.zen` above them."""

    def machine_environment(self, environment: dict[str, str]) -> dict[str, str]:
        given = super().machine_environment(environment)
        return {k: v for k, v in given.items() if k != "ZENML_REPOSITORY_PATH"}


@breaks("ENV-7", topologies=BOTH)
class JobsUseTheClientsRepository(WithoutARepositoryPath):
    """Jobs are started below the client's `.zen`, find it, and write it."""


@sound(scenarios=("client_killed",))
class ContainersSeeNoRepository(WithoutARepositoryPath):
    """Jobs are told nothing of `.zen`, and run in containers, where there is none."""

    def step_job(self, *arguments: Any) -> Job:
        return super().step_job(*arguments).model_copy(update={"image": "acme/steps:1"})

    def coordinator_resources(self, snapshot: PipelineSnapshotResponse) -> dict[str, Any]:
        return {"image": "acme/steps:1"}
