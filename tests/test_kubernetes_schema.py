"""What the pattern `kubernetes` creates is valid for a version that can't be run here.

The schemas are those that Kubernetes publishes, as the package `kubernetes-validate` carries them.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from kubernetes_validate.utils import SchemaNotFoundError

from engines import Engines

VERSION = kubernetes_validate.latest_version()
PACKAGE = "zenml_schema_orchestrator"


@pytest.fixture(scope="module")
def project(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A generated project, importable."""
    name, directory = PACKAGE.replace("_", "-"), tmp_path_factory.mktemp("schema")
    project = engines.cookiecutter(directory, package_name=name, backend_pattern="kubernetes")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(project / "src"))
        yield project


def manifests(role: str, **fields: Any) -> dict[str, dict[str, Any]]:
    """Translate a job that uses all that there is; return what is created, by kind."""
    config = importlib.import_module(f"{PACKAGE}.config")
    jobs = importlib.import_module(f"{PACKAGE}.core.jobs")
    module = importlib.import_module(f"{PACKAGE}.manifests")
    settings = config.SchemaOrchestratorSettings(
        service_account_name="steps",
        node_selector={"zone": "a"},
        tolerations=[{"key": "gpu", "operator": "Exists"}],
        affinity={"nodeAffinity": {}},
        image_pull_secrets=["registry"],
        labels={"team": "a"},
        annotations={"note": "b"},
        pod_spec={"priorityClassName": "low", "volumes": [{"name": "d", "emptyDir": {}}]},
        container={"volumeMounts": [{"name": "d", "mountPath": "/d"}]},
        active_deadline_seconds=60,
        **fields,
    )
    job = jobs.Job(
        name="a-job",
        command=("train",),
        environment={"A": "1"},
        image="steps",
        cpu=1.5,
        memory=2**30,
        gpus=1,
        gpu_class="A100",
        settings=settings,
        labels={"role": role, "run_id": "r"},
    )
    component = config.SchemaOrchestratorConfig(local=True)
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "run", "uid": "u"}
    created = (
        module.job_manifest(job, component, owner),
        module.cron_job_manifest(job, component, "5 4 * * *", "v1"),
        module.secret_manifest(job, component, None),
    )
    return {manifest["kind"]: manifest for manifest in created}


@pytest.mark.parametrize("role", ["step", "coordinator"])
@pytest.mark.parametrize("kind", ["Job", "CronJob", "Secret"])
def test_what_is_created(project: Path, role: str, kind: str) -> None:
    """Every field is known there, and has the type that it must have."""
    kubernetes_validate.validate(manifests(role)[kind], VERSION, strict=True)


def test_what_rbac_yaml_creates(project: Path) -> None:
    """As the above."""
    for manifest in yaml.safe_load_all((project / "rbac.yaml").read_text()):
        kubernetes_validate.validate(manifest, VERSION, strict=True)


def test_a_mistake_is_noticed(project: Path) -> None:
    """The schemas are there, and are looked at."""
    manifest = manifests("step")["Job"]
    manifest["spec"]["backofLimit"] = 0
    with pytest.raises(kubernetes_validate.ValidationError, match="backofLimit"):
        kubernetes_validate.validate(manifest, VERSION, strict=True)
    with pytest.raises(SchemaNotFoundError):
        kubernetes_validate.validate({"apiVersion": "v1", "kind": "Nothing"}, VERSION)
