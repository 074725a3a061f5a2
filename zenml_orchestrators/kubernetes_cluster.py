"""ZenML's `kubernetes` orchestrator on a real cluster of Kubernetes, whose only node is this machine.

The cluster is the one that `KUBECONFIG` leads to (docs/engines.md). What it can't be made to show is
judged on the emulated API of `kubernetes.py`.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import zenml_conformance
from kubernetes.client import CoreV1Api
from kubernetes.config import list_kube_config_contexts, new_client_from_config

from zenml_orchestrators.kubernetes import KubernetesHarness

NAMESPACE = "ZENML_ORCHESTRATORS_NAMESPACE"
"""The variable that names the namespace of a judgement."""

IMAGE = "zenml-kit-steps:local"
"""Has ZenML and Kubernetes' client. The tag keeps Kubernetes from looking for it in a registry."""


@contextlib.contextmanager
def namespace() -> Iterator[dict[str, str]]:
    """Have a namespace in the cluster, with nothing in it.

    Yields:
        The variables that lead the harness there.
    """
    api, name = CoreV1Api(new_client_from_config()), f"judged-{time.time_ns()}"
    api.create_namespace({"metadata": {"name": name}})
    try:
        yield {NAMESPACE: name}
    finally:
        api.delete_namespace(name)


class KubernetesClusterHarness(KubernetesHarness):
    """Lets pods reach what is judged, what judges, and where to leave what was seen."""

    def config(self) -> dict[str, Any]:
        """Give what the component needs for a local cluster, in ZenML's own words."""
        _, active = list_kube_config_contexts()
        suite = Path(zenml_conformance.__file__).parent
        # The session's directory is among the temporary files: steps leave their probes in it.
        temporary = tempfile.gettempdir()
        mounted = {temporary: temporary, str(suite): f"/app/{suite.name}"}
        pods = {
            "volumes": [
                {"name": f"suite-{number}", "hostPath": {"path": here}}
                for number, here in enumerate(mounted)
            ],
            "volume_mounts": [
                {"name": f"suite-{number}", "mountPath": there}
                for number, there in enumerate(mounted.values())
            ],
            # A step of the suite kills itself, which the first process of a PID namespace can't.
            "additional_pod_spec_args": {"host_pid": True},
        }
        return {
            **super().config(),
            "kubernetes_context": active["name"],
            "kubernetes_namespace": os.environ.get(NAMESPACE, "default"),
            # In pods, where there is no kubeconfig; the client goes on with the context.
            "incluster": True,
            # Mounts the artifact store.
            "local": True,
            "pod_settings": pods,
            "orchestrator_pod_settings": pods,
        }

    def image(self) -> str:
        """Name an image that is on the node."""
        return IMAGE

    def server_host(self) -> str:
        """Give the API server's address, which is one of this machine's, and which pods reach."""
        return str(urlsplit(new_client_from_config().configuration.host).hostname)
