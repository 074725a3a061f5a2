"""Jobs in the words of Kubeflow Pipelines: its compiler makes them into one pipeline."""

from __future__ import annotations

import math
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kfp import compiler, dsl, kubernetes
from zenml.constants import ENV_ZENML_STORE_PREFIX

from .config import AcmeOrchestratorConfig
from .config import AcmeOrchestratorSettings as Settings
from .core.jobs import FINALIZER, STEP, Job

KFP_RUN_ID = "KFP_RUN_ID"
"""The variable with Kubeflow's own id of the run, for those who look for it there."""

ENDPOINT = "KF_PIPELINES_ENDPOINT"
"""The variable that Kubeflow's client takes the address of the API from."""

API_KEY = f"{ENV_ZENML_STORE_PREFIX}API_KEY"
TOKENS = {f"{ENV_ZENML_STORE_PREFIX}{name}" for name in ("API_TOKEN", "API_KEY", "PASSWORD")}
"""What opens ZenML's server."""

PLACEHOLDER = "{" * 2
"""What Kubeflow and Argo take for the beginning of something to replace."""

_alone = threading.Lock()
"""The compiler knows one pipeline at a time."""


@contextmanager
def compiled(jobs: Sequence[Job], endpoint: str) -> Iterator[str]:
    """Compile jobs, the last of which runs when the others have ended.

    Args:
        jobs: The jobs; `depends_on` has names of those before.
        endpoint: Where pods reach the API.

    Yields:
        The path of a file that is this user's alone, and is removed afterwards.

    Raises:
        ValueError: If the compiler does not take one of the jobs.
    """
    *steps, last = jobs

    def define() -> None:
        final = task(last, endpoint, program=FINALIZER if steps else None)
        if not steps:
            return
        tasks: dict[str, dsl.PipelineTask] = {}
        with dsl.ExitHandler(final, name="steps"):
            for job in steps:
                tasks[job.name] = task(job, endpoint, program=STEP).after(
                    *(tasks[name] for name in job.depends_on)
                )

    define.__annotations__.clear()  # The compiler takes `None`, in quotes, for an output.
    with tempfile.TemporaryDirectory(prefix="zenml-kubeflow-") as directory:
        path = str(Path(directory, "pipeline.yaml"))
        try:
            with _alone:
                pipeline = dsl.pipeline(name=last.labels["pipeline"])(define)
                compiler.Compiler().compile(pipeline, path)
        except Exception as error:
            raise ValueError(f"Kubeflow's compiler does not take the run: {error}") from error
        yield path


def task(job: Job, endpoint: str, program: str | None) -> dsl.PipelineTask:
    """Describe a task of a pipeline that is being compiled.

    Args:
        job: What it runs.
        endpoint: Where pods reach the API.
        program: What it is in a run of several tasks (`task.py`); None if it is the only one.
    """
    settings = job_settings(job)
    command = in_run(job.command, program)
    made = dsl.container_component(_named(job.name, job.image, command))()
    made.set_display_name(job.labels.get("step") or job.labels["role"])
    made.set_caching_options(False)
    own = {KFP_RUN_ID: dsl.PIPELINE_JOB_ID_PLACEHOLDER, ENDPOINT: endpoint}
    for name, value in {**plain_environment(job), **own}.items():
        made.set_env_variable(name, value)
    for variable, secret in settings.secret_environment.items():
        name, _, key = secret.partition("/")
        kubernetes.use_secret_as_env(made, name, {key: variable})
    if settings.image_pull_secrets:
        kubernetes.set_image_pull_secrets(made, settings.image_pull_secrets)
    for label, value in node_selectors(job).items():
        kubernetes.add_node_selector(made, label, value)
    for toleration in settings.tolerations:
        kubernetes.add_toleration(made, **toleration)
    _set_resources(made, job)
    return made


def in_run(command: Sequence[str], program: str | None) -> Sequence[str]:
    """Return the command of a task of several: Python, told what the task is there for."""
    python, *arguments = command
    if program is None or arguments[:1] != ["-m"]:
        return command
    package = __name__.rpartition(".")[0]
    return (python, "-m", f"{package}.task", program, *arguments[1:])


def plain_environment(job: Job) -> Mapping[str, str]:
    """Return the variables whose values are part of the pipeline.

    Where a Secret has the key of a service account, no token is needed.
    """
    secret = job_settings(job).secret_environment.keys()
    left_out = {*secret, *(TOKENS if API_KEY in secret else ())}
    return {name: value for name, value in job.environment.items() if name not in left_out}


def check(job: Job, config: AcmeOrchestratorConfig) -> None:
    """Refuse a job that could never run, or that would show ZenML's token to others.

    What the compiler has to say to it comes before the submission, too (`compiled`).

    Raises:
        ValueError: If it is one.
    """
    if not job.image:
        raise ValueError(
            "It has no image to run in. Name one in the setting `image`, or have ZenML build one."
        )
    if job.gpus and job.gpu_class and not job_settings(job).gpu_class_label:
        raise ValueError(
            f"It asks for GPUs of the type {job.gpu_class!r}, and no setting `gpu_class_label` "
            "says which label of the nodes tells the type."
        )
    environment = plain_environment(job)
    shown = sorted(TOKENS & environment.keys())
    if shown and not config.token_in_pipeline:
        raise ValueError(
            f"All who can see the run in Kubeflow could read {', '.join(shown)}, which opens "
            "ZenML's server. Have the API key of a service account in a Kubernetes Secret, and "
            f"name it as {API_KEY} in the setting `secret_environment`. Or set "
            "`token_in_pipeline`, if all of them may know the token."
        )
    for name, value in environment.items():
        if PLACEHOLDER in value:
            raise ValueError(
                f"Its variable {name} has {PLACEHOLDER!r} in its value, which Kubeflow would take "
                "for the beginning of a placeholder. Encode the value, for example in base64."
            )


def placement(job: Job) -> tuple[str, str | None]:
    """Return the experiment and the service account of a run, by the job that ends it."""
    settings = job_settings(job)
    return settings.experiment or job.labels["pipeline"], settings.service_account


def node_selectors(job: Job) -> Mapping[str, str]:
    """Return the labels that the node must have, with the type of its GPUs."""
    settings = job_settings(job)
    typed = {settings.gpu_class_label: job.gpu_class} if job.gpus and job.gpu_class else {}
    return {**settings.node_selectors, **{str(label): name for label, name in typed.items()}}


def job_settings(job: Job) -> Settings:
    """Return the settings of a job."""
    return job.settings if isinstance(job.settings, Settings) else Settings()


def _named(name: str, image: str | None, command: Sequence[str]) -> Callable[[], dsl.ContainerSpec]:
    """Make the function that the compiler wants for a component, which it names after it."""

    def component() -> Any:
        return dsl.ContainerSpec(image=image, command=[command[0]], args=list(command[1:]))

    component.__name__ = name
    component.__annotations__ = {"return": dsl.ContainerSpec}
    return component


def _set_resources(made: dsl.PipelineTask, job: Job) -> None:
    """Ask for resources. To Kubernetes, a limit without a request is one, too."""
    if job.cpu is not None:
        made.set_cpu_limit(f"{math.ceil(job.cpu * 1000)}m")
    if job.memory is not None:
        made.set_memory_limit(str(job.memory))
    if job.gpus:
        made.set_accelerator_type(job_settings(job).gpu_resource)
        made.set_accelerator_limit(job.gpus)
