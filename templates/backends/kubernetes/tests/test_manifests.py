"""Jobs in the words of Kubernetes' API. No cluster is asked.

`pytest --conformance-tier=live` is the test on one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from example_pkg.config import (
    AcmeOrchestratorConfig,
    AcmeOrchestratorSettings,
)
from example_pkg.core.jobs import Job
from example_pkg.manifests import (
    cron_job_manifest,
    job_manifest,
    merged,
    resources,
    secret_manifest,
)

OWNER = {"apiVersion": "batch/v1", "kind": "Job", "name": "its-run", "uid": "u"}


def a_job(chosen: dict[str, Any] | None = None, role: str = "step", **fields: Any) -> Job:
    """Describe a job by what a test is about."""
    settings = AcmeOrchestratorSettings(**(chosen or {}))
    known = {
        "name": "a-job",
        "image": "registry.example.com/steps",
        "command": ("train", "it's"),
        "environment": {"TOKEN": "secret"},
        "labels": {"role": role, "run_id": "r"},
    }
    return Job(**{**known, "settings": settings, **fields})


def config(**fields: Any) -> AcmeOrchestratorConfig:
    """Configure a stack component by what a test is about."""
    return AcmeOrchestratorConfig(**fields)


def template(job: Job, **fields: Any) -> dict[str, Any]:
    """Translate a job; return the spec of its pod."""
    spec: dict[str, Any] = job_manifest(job, config(**fields), None)["spec"]["template"]["spec"]
    return spec


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {}),
        ({"cpu": 1.5}, {"cpu": "1500m"}),
        ({"cpu": 0.0001}, {"cpu": "1m"}),
        ({"memory": 2**30 + 1}, {"memory": "1073741825"}),
        ({"gpus": 0}, {}),
        ({"gpus": 2}, {"nvidia.com/gpu": "2"}),
    ],
)
def test_resources(fields: dict[str, Any], expected: dict[str, str]) -> None:
    """Exactly, as request and as limit, and nothing that was not asked for."""
    asked = resources(a_job(**fields))
    assert asked == ({"requests": expected, "limits": expected} if expected else {})


def test_gpu_classes_are_labels_of_nodes() -> None:
    """The label is one of the settings."""
    chosen = {"gpu_class_label": "example.com/gpu", "node_selector": {"zone": "a"}}
    spec = template(a_job(chosen, gpus=1, gpu_class="A100"))
    assert spec["nodeSelector"] == {"zone": "a", "example.com/gpu": "A100"}


def test_the_environment_is_in_the_secret_alone() -> None:
    """The Job names the Secret; the owner of the run owns that, too."""
    job = a_job()
    secret, manifest = secret_manifest(job, config(), OWNER), job_manifest(job, config(), OWNER)
    assert secret["stringData"] == {"TOKEN": "secret"}
    assert "secret" not in str(manifest).replace("secretRef", "").lower().replace("pullsecrets", "")
    (container,) = manifest["spec"]["template"]["spec"]["containers"]
    assert container["envFrom"] == [{"secretRef": {"name": secret["metadata"]["name"]}}]
    assert secret["metadata"]["ownerReferences"] == manifest["metadata"]["ownerReferences"]


@pytest.mark.parametrize("name", ["", "1ST", "A B", "A\nB", "ü"])
def test_names_of_variables_that_no_container_can_have(name: str) -> None:
    """They would be left out silently."""
    with pytest.raises(ValueError, match="can't be set in a container"):
        secret_manifest(a_job(environment={name: "1"}), config(), None)


def test_words_of_the_command_stay_what_they_are() -> None:
    """Kubernetes replaces `$(NAME)`, and takes `$$` for a `$`."""
    (container,) = template(a_job(command=("echo", "$(HOME) $$ $5")))["containers"]
    assert container["command"] == ["echo", "$$(HOME) $$$$ $$5"]


def test_one_attempt() -> None:
    """Whatever happens to the pod."""
    spec = job_manifest(a_job(), config(), None)["spec"]
    assert spec["backoffLimit"] == 0
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    assert spec["podFailurePolicy"]["rules"][0]["action"] == "FailJob"


def test_what_looks_after_a_run_outlives_its_steps() -> None:
    """It has more time to end, no deadline, and an account that may create Jobs."""
    chosen = {"active_deadline_seconds": 60}
    step, control = a_job(chosen), a_job(chosen, role="coordinator")
    assert job_manifest(step, config(), None)["spec"]["activeDeadlineSeconds"] == 60
    assert "activeDeadlineSeconds" not in job_manifest(control, config(), None)["spec"]
    grace = "terminationGracePeriodSeconds"
    assert template(step, stop_grace_seconds=5)[grace] == 5
    assert template(control, stop_grace_seconds=5)[grace] == 65
    assert template(control)["serviceAccountName"] == "zenml-orchestrator"
    assert not template(step)["automountServiceAccountToken"]


def test_fields_of_ones_own() -> None:
    """They are merged with those of the template; those that it relies on are refused."""
    volume = {"name": "data", "emptyDir": {}}
    chosen = {"pod_spec": {"volumes": [volume], "priorityClassName": "low"}}
    spec = template(a_job(chosen))
    assert (spec["volumes"], spec["priorityClassName"]) == ([volume], "low")
    with pytest.raises(ValidationError, match="a second attempt would collide"):
        AcmeOrchestratorSettings(pod_spec={"restartPolicy": "Always"})
    with pytest.raises(ValidationError, match="no field 'priority_class'"):
        AcmeOrchestratorSettings(pod_spec={"priority_class": "low"})
    with pytest.raises(ValidationError, match="use ResourceSettings"):
        AcmeOrchestratorSettings(container={"resources": {}})


def test_merged() -> None:
    """Mappings are merged, lists appended to."""
    own = {"a": {"b": 1, "c": [1]}, "d": 1}
    assert merged(own, {"a": {"c": [2], "e": 3}, "d": 2}) == {
        "a": {"b": 1, "c": [1, 2], "e": 3},
        "d": 2,
    }


def test_on_this_machine(tmp_path: Path) -> None:
    """What is local is mounted where it is, and its owner runs the step."""
    job = a_job(environment={"ZENML_LOCAL_STORES_PATH": str(tmp_path)})
    spec = template(job, local=True)
    (volume,), (container,) = spec["volumes"], spec["containers"]
    assert volume["hostPath"] == {"path": str(tmp_path)}
    assert container["volumeMounts"] == [{"name": volume["name"], "mountPath": str(tmp_path)}]
    assert spec["securityContext"]["runAsUser"] == tmp_path.stat().st_uid
    assert "volumes" not in template(job)


@pytest.mark.parametrize("name", ["short", "x" * 63])
def test_schedules(name: str) -> None:
    """A CronJob's name leaves room for what Kubernetes appends."""
    manifest = cron_job_manifest(a_job(name=name), config(), "5 4 * * *", "v1")
    assert len(manifest["metadata"]["name"]) <= 52
    assert manifest["spec"]["schedule"] == "5 4 * * *"
    pod = manifest["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["envFrom"] == [{"secretRef": {"name": name}}]
