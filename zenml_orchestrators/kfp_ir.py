"""Pipelines compiled by the Kubeflow Pipelines SDK: an interpreter of their IR."""

from __future__ import annotations

import math
from typing import Any

from kubernetes.utils.quantity import parse_quantity

from zenml_conformance.fake_backend import Job
from zenml_orchestrators.emulation import with_local_stores
from zenml_orchestrators.executions import Task

JOB_NAME = "{{$.pipeline_job_name}}"


def tasks_of(pipeline: dict[str, Any], execution: str) -> list[Task]:
    """Interpret a pipeline.

    Args:
        pipeline: Its IR.
        execution: The name that the service gives to this execution.

    Returns:
        The tasks.
    """
    executors = pipeline["deploymentSpec"]["executors"]
    components = pipeline["components"]
    tasks = []
    for name, task in pipeline["root"]["dag"]["tasks"].items():
        component = components[task["componentRef"]["name"]]
        container = executors[component["executorLabel"]]["container"]
        # Services make a job's name of the run's and the task's.
        job = job_of(f"{execution[-32:]}-{name}", container, execution)
        tasks.append(Task(name, job, tuple(task.get("dependentTasks", ()))))
    return tasks


def job_of(name: str, container: dict[str, Any], execution: str) -> Job:
    """Say in the suite's words what an executor's container says.

    Args:
        name: The job's name.
        container: The container.
        execution: What the placeholder of the execution's name stands for.

    Returns:
        The job.
    """

    def said(text: str) -> str:
        return text.replace(JOB_NAME, execution)

    # An empty value is left out of the IR, as protocol buffers do.
    environment = {e["name"]: said(e.get("value", "")) for e in container.get("env", ())}
    resources = container.get("resources", {})
    cpu, memory = resources.get("resourceCpuLimit"), resources.get("resourceMemoryLimit")
    gpus = resources.get("accelerator", {}).get("resourceCount")
    return Job(
        name=name,
        command=tuple(said(word) for word in (*container["command"], *container.get("args", ()))),
        environment=with_local_stores(environment),
        image=container["image"],
        cpu=float(parse_quantity(cpu)) if cpu else None,
        memory=math.ceil(parse_quantity(memory)) if memory else None,
        gpus=int(gpus) if gpus else None,
        spec={**container, "env": list(environment)},
    )
