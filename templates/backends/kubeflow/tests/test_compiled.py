"""Jobs as a compiled pipeline. No API is asked.

`pytest --conformance-tier=live` is the test on one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from kfp import components
from pydantic import ValidationError

from example_pkg.config import (
    AcmeOrchestratorConfig,
    AcmeOrchestratorSettings,
)
from example_pkg.core.jobs import Job
from example_pkg.pipeline import check, compiled

VARIABLE = "ZENML_STORE_API_TOKEN"
OPEN = "{" * 2


def a_job(chosen: dict[str, Any] | None = None, **fields: Any) -> Job:
    """Describe a job by what a test is about."""
    known = {
        "name": "a-job",
        "command": ("python", "-m", "train", "it's"),
        "environment": {"A": "1"},
        "image": "steps:1",
        "settings": AcmeOrchestratorSettings(**(chosen or {})),
        "labels": {"role": "step", "step": "train", "pipeline": "a-pipeline"},
    }
    return Job(**{**known, **fields})


def documents(*jobs: Job) -> tuple[dict[str, Any], dict[str, Any]]:
    """Compile jobs; read the pipeline, and what is Kubernetes' own in it."""
    with compiled(jobs, "http://api") as path:
        text = Path(path).read_text()
        assert Path(path).parent.stat().st_mode & 0o077 == 0
    assert not Path(path).exists()
    assert components.load_component_from_text(text).pipeline_spec  # By Kubeflow's own loader.
    pipeline, *platform = yaml.safe_load_all(text)
    return pipeline, platform[0]["platforms"]["kubernetes"] if platform else {}


def container(*jobs: Job) -> dict[str, Any]:
    """Compile jobs; return the container of the first."""
    executors = documents(*jobs)[0]["deploymentSpec"]["executors"]
    found: dict[str, Any] = executors[f"exec-{jobs[0].name}"]["container"]
    return found


def test_a_run() -> None:
    """The order is Kubeflow's business, its cache is off, and the last task waits for all."""
    first, second = a_job(), a_job(name="b-job", depends_on=("a-job",))
    labels = {"role": "finalizer", "pipeline": "a-pipeline"}
    last = a_job(name="c-job", labels=labels, depends_on=("a-job", "b-job"), start_when="ended")
    pipeline, _ = documents(first, second, last)
    outer = pipeline["root"]["dag"]["tasks"]
    assert outer["c-job"]["dependentTasks"] == ["exit-handler-1"]
    assert outer["c-job"]["triggerPolicy"]["strategy"] == "ALL_UPSTREAM_TASKS_COMPLETED"
    inner = pipeline["components"]["comp-exit-handler-1"]["dag"]["tasks"]
    assert inner["b-job"]["dependentTasks"] == ["a-job"]
    assert "dependentTasks" not in inner["a-job"]
    assert inner["a-job"]["taskInfo"]["name"] == "train"
    tasks = {**inner, "c-job": outer["c-job"]}
    assert not any(task["cachingOptions"].get("enableCache") for task in tasks.values())


def test_a_single_job_has_its_own_command() -> None:
    """As a run of its own. One of several is told what it is there for."""
    alone = container(a_job())
    assert [*alone["command"], *alone["args"]] == ["python", "-m", "train", "it's"]
    one_of_two = container(a_job(), a_job(name="last"))
    words = ["-m", "example_pkg.task", "step", "train", "it's"]
    assert one_of_two["args"] == words
    own = container(a_job(command=("/bin/tool", "-x")), a_job(name="last"))
    assert [*own["command"], *own["args"]] == ["/bin/tool", "-x"]


def test_the_environment() -> None:
    """Verbatim, with Kubeflow's id of the run and the way back to its API."""
    nasty = """it's "quoted"\n$HOME `id` {} ☃"""
    environment = {
        each["name"]: each.get("value", "")
        for each in container(a_job(environment={"NASTY": nasty, "EMPTY": ""}))["env"]
    }
    assert environment.pop("KFP_RUN_ID") == OPEN + "$.pipeline_job_uuid}}"
    assert environment.pop("KF_PIPELINES_ENDPOINT") == "http://api"
    assert environment == {"NASTY": nasty, "EMPTY": ""}


def test_secrets_are_named_only() -> None:
    """With a key in one of them, no token of ZenML's is in the pipeline."""
    secrets = {"ZENML_STORE_API_KEY": "zenml/api-key", "PASSWORD": "db/password"}
    environment = {VARIABLE: "seen-by-nobody", "PASSWORD": "seen-by-nobody", "A": "1"}
    job = a_job({"secret_environment": secrets}, environment=environment)
    pipeline, platform = documents(job)
    assert "seen-by-nobody" not in str(pipeline)
    (executor,) = platform["deploymentSpec"]["executors"].values()
    named = {
        (secret["secretName"], pair["secretKey"], pair["envVar"])
        for secret in executor["secretAsEnv"]
        for pair in secret["keyToEnv"]
    }
    assert named == {("zenml", "api-key", "ZENML_STORE_API_KEY"), ("db", "password", "PASSWORD")}


def test_resources_and_nodes() -> None:
    """Exactly, and nothing that was not asked for."""
    chosen = {
        "gpu_class_label": "gpu.product",
        "node_selectors": {"pool": "b"},
        "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
        "image_pull_secrets": ["registry"],
    }
    asked = a_job(chosen, cpu=1.5, memory=2**30 + 1, gpus=2, gpu_class="A100")
    resources = container(asked)["resources"]
    assert resources["resourceCpuLimit"] == "1500m"
    assert resources["resourceMemoryLimit"] == str(2**30 + 1)
    assert resources["accelerator"]["resourceType"] == "nvidia.com/gpu"
    assert resources["accelerator"]["resourceCount"] == "2"
    (executor,) = documents(asked)[1]["deploymentSpec"]["executors"].values()
    assert executor["nodeSelector"]["labels"] == {"pool": "b", "gpu.product": "A100"}
    assert executor["tolerations"] == chosen["tolerations"]
    assert executor["imagePullSecret"][0]["secretName"] == "registry"
    assert "resources" not in container(a_job(gpus=0))


@pytest.mark.parametrize(
    ("chosen", "fields", "message"),
    [
        ({}, {"image": None}, "no image"),
        ({}, {"gpus": 1, "gpu_class": "A100"}, "'A100', and no setting `gpu_class_label`"),
        ({}, {"environment": {VARIABLE: "t"}}, f"read {VARIABLE}, which opens"),
        ({}, {"environment": {"A": f"x{OPEN}$.x"}}, "variable A has"),
    ],
)
def test_what_could_not_work_is_refused(
    chosen: dict[str, Any], fields: dict[str, Any], message: str
) -> None:
    """Before anything was submitted."""
    with pytest.raises(ValueError, match=message):
        check(a_job(chosen, **fields), AcmeOrchestratorConfig())


def test_what_the_compiler_refuses() -> None:
    """In its words; nothing is submitted then, since there is no pipeline."""
    with pytest.raises(ValueError, match=r"compiler does not take the run: .*limit"):
        documents(a_job(gpus=-1))


def test_the_token_can_be_allowed() -> None:
    """Where all who see the run may know it."""
    config = AcmeOrchestratorConfig(token_in_pipeline=True)
    check(a_job(environment={VARIABLE: "t"}), config)


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"secret_environment": {"KEY": "hunter2"}}, "SECRET/KEY"),
        ({"tolerations": [{"kye": "gpu"}]}, "no 'kye'"),
        ({"client_args": {"cookies": "a=b"}}, "use cookies"),
        ({"host": "kubeflow.example.com"}, "host"),
    ],
)
def test_what_is_written_wrongly_is_refused(chosen: dict[str, Any], message: str) -> None:
    """When it is written down."""
    with pytest.raises(ValidationError, match=message):
        AcmeOrchestratorConfig(**chosen)
