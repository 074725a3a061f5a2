"""ZenML's `databricks` orchestrator on an emulated Databricks API.

The real SDK makes the requests; `Workspace` answers them in place of the HTTP connection. A task
of a Databricks job is a job of the fake backend. No wheel of the user's code is built:
what runs here finds the code where it lies.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from databricks.sdk.config import Config
from databricks.sdk.core import ApiClient
from databricks.sdk.errors import InvalidParameterValue, NotFound, ResourceExhausted
from zenml.integrations.databricks.orchestrators import databricks_orchestrator_entrypoint_config
from zenml.orchestrators import BaseOrchestrator

from zenml_conformance import Harness
from zenml_conformance.fake_backend import FakeBackend, Job
from zenml_conformance.protocol import EngineError
from zenml_orchestrators.emulation import let_components_look_remote, with_local_stores
from zenml_orchestrators.executions import Executions, Task

HOST = "https://databricks.conformance.invalid"
TASK_KEY = r"[\w-]{1,100}"
"""What the Jobs API takes for the key of a task."""
JOB_ID = "{{job.id}}"


class Workspace:
    """What the Databricks API says and does, as far as ZenML asks.

    Jobs, their runs and their schedules are here; files are taken and forgotten.
    """

    def __init__(self, backend: FakeBackend, mended: bool = False) -> None:
        """Point at the backend.

        Args:
            backend: Runs the tasks.
            mended: Whether to act as if ZenML did not run at once what it schedules.
        """
        self.backend = backend
        self.mended = mended
        self.executions = Executions(backend, f"{__name__}:tasks_of")
        self.task_environments: dict[str, dict[str, str]] = {}

    def request(
        self, method: str, path: str, query: Any = None, body: Any = None, **_: Any
    ) -> dict[str, Any]:
        """Answer a request in place of Databricks.

        Args:
            method: HTTP's.
            path: The path of the address.
            query: The query.
            body: What was sent.

        Returns:
            The response.
        """
        if path.startswith("/api/2.0/workspace/"):
            return {}
        if path == "/api/2.0/policies/clusters/list":
            return {"policies": []}
        if path == "/api/2.0/policies/clusters/get":
            return {"policy_id": query["policy_id"]}
        if path == "/api/2.1/jobs/create":
            return self.create(body)
        if path == "/api/2.1/jobs/run-now":
            return self.run(body["job_id"])
        raise NotImplementedError(f"the emulated workspace does not know {method} {path}")

    def create(self, job: dict[str, Any]) -> dict[str, Any]:
        """Keep a job, and start it again and again if it has a schedule."""
        for task in job["tasks"]:
            if not re.fullmatch(TASK_KEY, task["task_key"]):
                raise InvalidParameterValue(f"Task key {task['task_key']!r} is not {TASK_KEY}")
        job_id = len([key for key in self.backend.notes() if key.startswith("jobs/")]) + 1
        definition = [job_id, job, self.task_environments]
        if schedule := job.get("schedule"):
            # Databricks' expressions are Quartz's, with a field for seconds before the five that
            # the suite knows. Databricks would refuse those five alone; what comes after that
            # shall be judged all the same.
            fields = schedule["quartz_cron_expression"].replace("?", "*").split()
            try:
                self.executions.schedule(definition, " ".join(fields[-5:]))
            except EngineError as error:
                raise ResourceExhausted(str(error)) from error
        self.backend.note(f"jobs/{job_id}", definition)
        return {"job_id": job_id}

    def run(self, job_id: int) -> dict[str, Any]:
        """Run a job."""
        definition = self.backend.notes().get(f"jobs/{job_id}")
        if definition is None:
            raise NotFound(f"Job {job_id} does not exist.")
        if self.mended and "schedule" in definition[1]:
            return {"run_id": 0}
        try:
            self.executions.start(definition)
        except EngineError as error:
            raise ResourceExhausted(str(error)) from error
        return {"run_id": 1}


def tasks_of(definition: list[Any], execution: str) -> list[Task]:
    """Interpret a job.

    Args:
        definition: The job's id, what it was created with, and what a mended ZenML would have
            said beside that: environments by task.
        execution: The id of a run.

    Returns:
        The tasks.
    """
    job_id, job, environments = definition
    clusters = {c["job_cluster_key"]: c["new_cluster"] for c in job["job_clusters"]}
    return [
        Task(
            task["task_key"],
            job_of(
                f"{execution}_{task['task_key']}",
                task,
                clusters[task["job_cluster_key"]],
                job_id,
                environments.get(task["task_key"], {}),
            ),
            tuple(needed["task_key"] for needed in task.get("depends_on", ())),
        )
        for task in job["tasks"]
    ]


def job_of(
    name: str, task: dict[str, Any], cluster: dict[str, Any], job_id: int, own: dict[str, str]
) -> Job:
    """Say in the suite's words what a task says.

    Args:
        name: The job's name, which nobody sees: a task's key is unlike others in its run only.
        task: The task.
        cluster: The cluster that it runs on.
        job_id: What the placeholder of the job's id stands for.
        own: The task's own environment.

    Returns:
        The job.
    """
    said = task["python_wheel_task"]
    module = f"{said['package_name']}.entrypoints.{said['entry_point'].removesuffix('.main')}"
    arguments = (word.replace(JOB_ID, str(job_id)) for word in said["parameters"])
    environment = {**cluster["spark_env_vars"], **own}
    return Job(
        name=name,
        command=(sys.executable, "-m", module, *arguments),
        environment=with_local_stores(environment),
        image=cluster.get("docker_image", {}).get("url") or cluster["spark_version"],
        max_restarts=max(task.get("max_retries") or 0, 0),
        spec={
            "task": task,
            "cluster": {**cluster, "spark_env_vars": list(environment)},
        },
    )


def pretend_to_build(directory: str) -> str:
    """Give the name of a wheel that is empty.

    Args:
        directory: Where it would be built.

    Returns:
        Its path.
    """
    wheel = Path(directory, "emulated-0-py3-none-any.whl")
    wheel.touch()
    return str(wheel)


class DatabricksHarness(Harness):
    """Connects ZenML's `databricks` orchestrator through an emulated API."""

    # Keys of tasks are looked at where a job is created.
    job_name_pattern = r"[\w-]+"

    def config(self) -> dict[str, Any]:
        """Give what the component needs; nobody listens there."""
        return {"host": HOST, "schedule_timezone": "UTC"}

    def connect(self, orchestrator_class: type[BaseOrchestrator], backend: FakeBackend) -> None:
        """Answer the SDK's requests, and leave wheels out."""
        self.attach(orchestrator_class, Workspace(backend))

    def attach(self, orchestrator_class: type[BaseOrchestrator], workspace: Workspace) -> None:
        """Put a workspace in place of Databricks.

        Args:
            orchestrator_class: The orchestrator under test.
            workspace: The workspace.
        """
        ApiClient.do = lambda self, *args, **kwargs: workspace.request(*args, **kwargs)
        Config.init_auth = lambda self: None
        orchestrator: Any = orchestrator_class
        orchestrator.create_wheel = lambda self, temp_dir: pretend_to_build(temp_dir)
        configuration: Any = databricks_orchestrator_entrypoint_config
        configuration.configure_databricks_wheel_environment = lambda package: package
        let_components_look_remote()


class MendedDatabricksHarness(DatabricksHarness):
    """The same, where each task has its step's environment, and schedules run nothing at once.

    Nearly every rule is blocked by the one (ENV-1), those of schedules by the other (SCHED-1).
    """

    def connect(self, orchestrator_class: type[BaseOrchestrator], backend: FakeBackend) -> None:
        """Listen to what the orchestrator is told of environments."""
        workspace = Workspace(backend, mended=True)
        self.attach(orchestrator_class, workspace)
        orchestrator: Any = orchestrator_class
        original = orchestrator.submit_pipeline

        def submit_pipeline(
            self: Any, snapshot: Any, *, step_environments: Any, **rest: Any
        ) -> Any:
            workspace.task_environments = {
                f"{snapshot.id}_{step}": given for step, given in step_environments.items()
            }
            return original(self, snapshot, step_environments=step_environments, **rest)

        orchestrator.submit_pipeline = submit_pipeline
