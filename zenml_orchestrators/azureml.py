"""ZenML's `azureml` orchestrator on an emulated Azure Machine Learning API.

The real SDK makes the pipelines, command jobs and schedules, and validates them; `Workspace` takes
the place of its client. A command is a job of the fake backend.
"""

from __future__ import annotations

import re
import shlex
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from azure.ai.ml.entities import CronTrigger, JobSchedule, PipelineJob
from azure.ai.ml.exceptions import ErrorTarget, JobException
from azure.core.exceptions import (
    HttpResponseError,
    ResourceNotFoundError,
    ServiceResponseError,
)
from zenml.integrations.azure.orchestrators import azureml_orchestrator
from zenml.orchestrators import BaseOrchestrator

from zenml_conformance.fake_backend import FakeBackend, Job, JobState
from zenml_conformance.protocol import EngineError
from zenml_orchestrators.emulation import (
    EmulatedHarness,
    let_components_look_remote,
    with_local_stores,
)
from zenml_orchestrators.executions import Executions, Task, state_of

STUDIO = "https://azureml.conformance.invalid/runs"
JOB_NAME = r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}"
"""What the service takes for a job's name (Azure's REST specification)."""
STATES = {
    JobState.QUEUED: "Queued",
    JobState.RUNNING: "Running",
    JobState.SUCCEEDED: "Completed",
    JobState.FAILED: "Failed",
    JobState.CANCELLED: "Canceled",
}
UPSTREAM = re.compile(r"\$\{\{parent\.jobs\.(.+)\.outputs\.[^.]+}}")


class Workspace:
    """What the SDK's client says and does, as far as ZenML asks.

    Its operations on jobs and on schedules are in one place, for ZenML needs few of either.
    """

    def __init__(self, backend: FakeBackend) -> None:
        """Point at the backend.

        Args:
            backend: Runs the commands.
        """
        self.executions = Executions(backend, f"{__name__}:tasks_of")
        self.jobs = self.schedules = self

    def create_or_update(self, job: Any) -> SimpleNamespace:
        """Run a pipeline or a command."""
        job._validate(raise_error=True)
        name = job.name or f"emulated_{uuid4().hex}"
        if not re.fullmatch(JOB_NAME, name):
            raise HttpResponseError(f"Job name {name!r} does not match {JOB_NAME}")
        try:
            self.executions.start(definition(job), name)
        except EngineError as error:
            raise HttpResponseError(str(error)) from error
        return self.get(name)

    def get(self, name: str) -> SimpleNamespace:
        """Say where a job is."""
        tasks = self.executions.tasks(name)
        try:
            if list(tasks) == [name]:
                state = state_of(self.executions.backend, tasks[name])
            else:
                state = self.executions.state(name)
        except EngineError as error:
            raise ServiceResponseError(str(error)) from error
        if state not in STATES:
            raise ResourceNotFoundError(f"Job {name!r} was not found.")
        url = f"{STUDIO}/{name}"
        services = {"Studio": SimpleNamespace(endpoint=url)}
        return SimpleNamespace(name=name, status=STATES[state], services=services, studio_url=url)

    def stream(self, name: str) -> None:
        """Wait for the end of a job, and raise if it has failed, as the SDK does."""
        while (status := self.get(name).status) in ("Queued", "Running"):
            ids = list(self.executions.tasks(name).values())
            self.executions.backend.wait_for_change(ids, timeout=1)
        if status == "Failed":
            raise JobException(
                message=f"Exception : \n {name} ",
                no_personal_data_message="Exception raised on failed job.",
                target=ErrorTarget.JOB,
            )

    def begin_cancel(self, name: str) -> None:
        """End a job."""
        self.get(name)
        self.executions.stop(name)

    def begin_create_or_update(self, schedule: JobSchedule) -> SimpleNamespace:
        """Have a pipeline started again and again."""
        schedule._validate(raise_error=True)
        trigger = schedule.trigger
        # The fake backend keeps times as five fields; an interval is near enough to one.
        cron = (
            trigger.expression
            if isinstance(trigger, CronTrigger)
            else f"*/{trigger.interval} * * * *"
        )
        try:
            self.executions.schedule(definition(schedule.create_job), cron)
        except EngineError as error:
            raise HttpResponseError(str(error)) from error
        return SimpleNamespace(result=lambda: schedule)


def definition(job: Any) -> list[dict[str, Any]] | dict[str, Any]:
    """Put in plain words what the SDK made.

    Args:
        job: A pipeline or a command.

    Returns:
        The commands of the pipeline; the command.
    """
    if not isinstance(job, PipelineJob):
        return command(job, job.environment, job.command)
    nodes = []
    for name, node in job.jobs.items():
        bindings = [value._data._data_binding() for value in node.inputs.values()]
        after = [match[1] for text in bindings if (match := UPSTREAM.fullmatch(text))]
        said = command(node, node.component.environment, node.component.command)
        nodes.append({**said, "name": name, "after": after})
    return nodes


def command(node: Any, environment: Any, line: str) -> dict[str, Any]:
    """Put in plain words what the SDK says of a command.

    Args:
        node: The command.
        environment: Where it runs.
        line: What it runs, as a shell would read it.

    Returns:
        The words.
    """
    resources = getattr(node, "component", node).resources or node.resources
    return {
        "line": line,
        "image": environment.image,
        "environment": dict(node.environment_variables or {}),
        "compute": node.compute,
        "shm_size": getattr(resources, "shm_size", None),
    }


def tasks_of(definition: list[dict[str, Any]] | dict[str, Any], execution: str) -> list[Task]:
    """Interpret what `definition` wrote.

    Args:
        definition: The commands of a pipeline, or a command.
        execution: The job's name.

    Returns:
        The tasks.
    """
    if isinstance(definition, dict):
        return [Task(execution, job_of(execution, definition, execution))]
    return [
        Task(node["name"], job_of(str(uuid4()), node, execution), tuple(node["after"]))
        for node in definition
    ]


def job_of(name: str, said: dict[str, Any], root: str) -> Job:
    """Say in the suite's words what a command says.

    Args:
        name: The job's name: that of the command, or one that the service makes.
        said: The command.
        root: The name of the job that it is a part of, or that it is.

    Returns:
        The job. Its words are those that a shell reads; nothing is expanded.
    """
    ids = {"AZUREML_ROOT_RUN_ID": root, "AZUREML_RUN_ID": name}
    return Job(
        name=name,
        command=tuple(shlex.split(said["line"])),
        environment=with_local_stores({**said["environment"], **ids}),
        image=said["image"],
        spec={**said, "environment": list(said["environment"])},
    )


class AzureMLHarness(EmulatedHarness):
    """Connects ZenML's `azureml` orchestrator through an emulated client."""

    job_name_pattern = JOB_NAME

    def config(self) -> dict[str, Any]:
        """Give what the component needs; nobody has this workspace."""
        return {"subscription_id": "none", "resource_group": "none", "workspace": "none"}

    def connect(self, orchestrator_class: type[BaseOrchestrator], backend: FakeBackend) -> None:
        """Replace the SDK's client."""
        module: Any = azureml_orchestrator
        module.MLClient = lambda **_: Workspace(backend)
        module.DefaultAzureCredential = lambda: None
        let_components_look_remote()
