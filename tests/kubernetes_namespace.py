"""A namespace of the real Kubernetes cluster, ready for a generated orchestrator."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

from kubernetes.client import ApiClient, CoreV1Api
from kubernetes.config import new_client_from_config
from kubernetes.utils import create_from_yaml


@contextlib.contextmanager
def namespace(project: Path, api: ApiClient | None = None) -> Iterator[str]:
    """Have a namespace with what the project's `rbac.yaml` creates.

    Args:
        project: The project.
        api: The cluster; default: the one that `KUBECONFIG` leads to.

    Yields:
        Its name.
    """
    api, name = api or new_client_from_config(), f"test-{time.time_ns()}"
    CoreV1Api(api).create_namespace({"metadata": {"name": name}})
    try:
        create_from_yaml(api, str(project / "rbac.yaml"), namespace=name)
        yield name
    finally:
        CoreV1Api(api).delete_namespace(name)


def on_this_machine(namespace: str, module: Path) -> list[str]:
    """Return the configuration with which steps run in an image that lacks the project alone.

    Args:
        namespace: The namespace.
        module: The directory of the project's package.
    """
    volume = {"name": "project", "hostPath": {"path": str(module)}}
    mount = {"name": "project", "mountPath": f"/app/{module.name}", "readOnly": True}
    return [
        "--image=zenml-kit-steps:1",
        "--local=true",
        f"--kubernetes_namespace={namespace}",
        f"--pod_spec={json.dumps({'volumes': [volume]})}",
        f"--container={json.dumps({'volumeMounts': [mount]})}",
    ]
