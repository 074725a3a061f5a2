"""ZenML's `vm_aws` orchestrator on an emulated SkyPilot API server.

What ZenML calls of SkyPilot's client (`launch`, `get`, `tail_logs`, `down`) is replaced by
`Server`; tasks and resources are the client's own. A container that a task starts in a virtual
machine is a job of the fake backend.
"""

from __future__ import annotations

import argparse
import shlex
import socket
import threading
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import sky
from sky.exceptions import ClusterDoesNotExist, JobExitCode, ResourcesUnavailableError
from sky.utils.common_utils import check_cluster_name_is_valid
from zenml.config.step_configurations import Step
from zenml.integrations.skypilot import utils
from zenml.orchestrators import BaseOrchestrator

from zenml_conformance.fake_backend import FakeBackend, Job, JobState
from zenml_conformance.protocol import EngineError
from zenml_orchestrators.emulation import (
    EmulatedHarness,
    let_components_look_remote,
    with_local_stores,
)
from zenml_orchestrators.executions import state_of

TASK_NAME = r"[a-zA-Z0-9]+(?:[._-]{1,2}[a-zA-Z0-9]+)*"
"""What SkyPilot takes for a task's name."""
EXIT_CODES = {JobState.SUCCEEDED: JobExitCode.SUCCEEDED, JobState.FAILED: JobExitCode.FAILED}
EXIT_CODES |= {JobState.CANCELLED: JobExitCode.CANCELLED, JobState.UNKNOWN: JobExitCode.NOT_FOUND}


class Server:
    """What SkyPilot's client says and does, as far as ZenML asks.

    A cluster is a list of jobs: nothing is provisioned, and nothing stops when it is idle.
    """

    def __init__(self, backend: FakeBackend) -> None:
        """Point at the backend.

        Args:
            backend: Runs the containers.
        """
        self.backend = backend
        self._one_at_a_time = threading.Lock()

    def launch(self, task: sky.Task, cluster_name: str, **_: Any) -> Future[tuple[int, None]]:
        """Start a task on a cluster, which is made if there is none of that name.

        Returns:
            The request. As with SkyPilot, it is over when the task has been submitted, and
            refused if the task is.
        """
        request: Future[tuple[int, None]] = Future()
        try:
            check_cluster_name_is_valid(cluster_name)
            task.validate_name()
            # Steps that share a cluster are launched by threads of one process.
            with self._one_at_a_time:
                jobs = self._clusters().get(cluster_name) or []
                jobs.append(self.backend.submit(job_of(task)))
                self.backend.note(f"clusters/{cluster_name}", jobs)
            request.set_result((len(jobs), None))
        except EngineError as error:
            request.set_exception(ResourcesUnavailableError(str(error)))
        except ValueError as error:
            request.set_exception(error)
        return request

    def tail_logs(self, cluster_name: str, job_id: int, follow: bool = True) -> int:
        """Wait for the end of a task.

        Returns:
            How it ended, in SkyPilot's words.
        """
        job = self._jobs(cluster_name)[job_id - 1]
        while not (state := state_of(self.backend, job)).is_ended:
            self.backend.wait_for_change([job], timeout=1)
        return int(EXIT_CODES[state])

    def down(self, cluster_name: str) -> Future[None]:
        """Terminate a cluster's machines, and with them what runs there."""
        request: Future[None] = Future()
        try:
            for job in self._jobs(cluster_name):
                self.backend.cancel(job)
            self.backend.note(f"clusters/{cluster_name}", None)
            request.set_result(None)
        except ClusterDoesNotExist as error:
            request.set_exception(error)
        return request

    def host_name(self, outside: str) -> str:
        """Give the name of the machine that a process sees: in a container, the container's id.

        Args:
            outside: The name of this machine.

        Returns:
            The name.
        """
        record = self.backend.this_job()
        return str(record.job.spec["container"]) if record else outside

    def _clusters(self) -> dict[str, list[str] | None]:
        notes = self.backend.notes()
        return {key.partition("/")[2]: value for key, value in notes.items()}

    def _jobs(self, cluster_name: str) -> list[str]:
        jobs = self._clusters().get(cluster_name)
        if jobs is None:
            raise ClusterDoesNotExist(f"Cluster {cluster_name!r} does not exist.")
        return jobs


def job_of(task: sky.Task) -> Job:
    """Say in the suite's words what a task says.

    Args:
        task: The task. It runs `docker run`, perhaps with `sudo` in front, as ZenML writes it.

    Returns:
        The container. It has those of the task's variables that are handed over.
    """
    said = task.to_yaml_config()
    words = shlex.split(said["run"])
    parser = argparse.ArgumentParser(exit_on_error=False)
    parser.add_argument("--rm", action="store_true")
    parser.add_argument("-e", action="append", default=[])
    parser.add_argument("image")
    parser.add_argument("words", nargs=argparse.REMAINDER)
    run = parser.parse_args(words[words.index("docker") + 2 :])
    variables = said["envs"]
    environment = {name: variables[name] for name in run.e if name in variables}
    return Job(
        name=said["name"],
        command=tuple(run.words),
        environment=with_local_stores(environment),
        image=run.image,
        spec={**said, "envs": list(variables), "container": uuid4().hex[:12]},
    )


class SkypilotHarness(EmulatedHarness):
    """Connects ZenML's `vm_aws` orchestrator through an emulated client."""

    job_name_pattern = TASK_NAME

    def config(self) -> dict[str, Any]:
        """Give what the suite would make up, where the client looks at it or it leads elsewhere."""
        checked = ("accelerators", "cpus", "infra", "job_recovery", "memory", "ports")
        elsewhere = ("cluster_name", "num_nodes", "region", "workdir", "zone")
        return {"network_tier": "standard", **dict.fromkeys((*checked, *elsewhere))}

    def connect(self, orchestrator_class: type[BaseOrchestrator], backend: FakeBackend) -> None:
        """Replace the client's functions, and the connector that would log in to AWS."""
        server = Server(backend)
        outside = socket.gethostname()
        connector = SimpleNamespace(id=uuid4(), configure_local_client=lambda: None)
        client: Any = sky
        client.launch = server.launch
        client.down = server.down
        client.tail_logs = server.tail_logs
        client.get = client.stream_and_get = lambda request: request.result()
        # The list of machine types would have to be fetched.
        client.clouds.AWS.get_accelerators_from_instance_type = lambda *_: None
        client.clouds.AWS.get_vcpus_mem_from_instance_type = lambda *_: (None, None)
        orchestrator: Any = orchestrator_class
        orchestrator.get_connector = lambda self: connector
        socket.gethostname = lambda: server.host_name(outside)
        let_components_look_remote()


class MendedSkypilotHarness(SkypilotHarness):
    """The same, where the machine of all steps has what each of them has in its environment.

    Nearly every rule is blocked by that (ENV-1).
    """

    def connect(self, orchestrator_class: type[BaseOrchestrator], backend: FakeBackend) -> None:
        """Put the steps' environments into that of the pipeline."""
        super().connect(orchestrator_class, backend)
        orchestrator: Any = orchestrator_class
        original = orchestrator.submit_pipeline

        def submit_pipeline(
            self: Any, *, base_environment: Any, step_environments: Any, **rest: Any
        ) -> Any:
            for given in step_environments.values():
                base_environment = {**given, **base_environment}
            return original(
                self,
                base_environment=base_environment,
                step_environments=step_environments,
                **rest,
            )

        orchestrator.submit_pipeline = submit_pipeline


class StepVMsHarness(SkypilotHarness):
    """The same, as if each step had settings of its own: ZenML starts a machine for each."""

    def connect(self, orchestrator_class: type[BaseOrchestrator], backend: FakeBackend) -> None:
        """Give each step a label."""
        super().connect(orchestrator_class, backend)
        orchestrator: Any = orchestrator_class
        settings_of = orchestrator.get_settings

        def get_settings(self: Any, container: Any) -> Any:
            settings = settings_of(self, container)
            if not isinstance(container, Step):
                return settings
            return settings.model_copy(update={"labels": {"step": container.spec.invocation_id}})

        orchestrator.get_settings = get_settings


class MendedStepVMsHarness(StepVMsHarness):
    """The same, where a step's machine is kept until its task has ended (DAG-1)."""

    def connect(self, orchestrator_class: type[BaseOrchestrator], backend: FakeBackend) -> None:
        """Wait where ZenML's coordinator goes on."""
        super().connect(orchestrator_class, backend)
        module: Any = utils
        original = module.sky_job_get

        def sky_job_get(*arguments: Any) -> None:
            original(*arguments).wait_for_completion()

        # The client's part of the orchestrator has imported it already; the coordinator has not.
        module.sky_job_get = sky_job_get
