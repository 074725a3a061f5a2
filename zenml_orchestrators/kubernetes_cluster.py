"""ZenML's `kubernetes` orchestrator on a real cluster, whose only node is this machine.

The cluster is the one that `KUBECONFIG` leads to (docs/engines.md). What it can't be made to show
is judged on the emulated API of `kubernetes.py`.
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

from kubernetes.client import CoreV1Api, RbacAuthorizationV1Api
from kubernetes.config import (
    ConfigException,
    list_kube_config_contexts,
    new_client_from_config,
)
from zenml.integrations.kubernetes.kube_utils import create_edit_service_account

import zenml_conformance
from zenml_orchestrators.kubernetes import CONTEXT, KubernetesHarness

NAMESPACE = "JUDGED_NAMESPACE"
"""The variable that names the namespace of a judgement."""

IMAGE = "zenml-kit-steps:1"
"""Has ZenML and Kubernetes' client. The tag keeps Kubernetes from looking for it in a registry."""


ACCOUNT = "orchestrator"
"""An account in that namespace that may do there what ZenML's pods do."""


@contextlib.contextmanager
def namespace() -> Iterator[dict[str, str]]:
    """Have a namespace in the cluster, with an account.

    Yields:
        The variables that lead the harness there.
    """
    client, name = new_client_from_config(), f"judged-{time.time_ns()}"
    core = CoreV1Api(client)
    core.create_namespace({"metadata": {"name": name}})
    try:
        create_edit_service_account(
            core, RbacAuthorizationV1Api(client), ACCOUNT, name, role_binding_name=ACCOUNT
        )
        yield {NAMESPACE: name}
    finally:
        core.delete_namespace(name)


def _context() -> str:
    """Name the cluster, as far as the process knows it: jobs of the fake backend don't."""
    try:
        _, active = list_kube_config_contexts()
    except ConfigException:
        return CONTEXT
    return str(active["name"])


class KubernetesClusterHarness(KubernetesHarness):
    """Lets pods reach what is judged, what judges, and where to leave what was seen."""

    def config(self) -> dict[str, Any]:
        """Give what the component needs for a local cluster, in ZenML's own words."""
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
            # What ZenML requests for the orchestrator pod: without, steps starve beside it.
            "resources": {"requests": {"cpu": "100m"}},
            # A step of the suite kills itself, which the first process of a PID namespace can't.
            "additional_pod_spec_args": {"host_pid": True},
        }
        return {
            **super().config(),
            "kubernetes_context": _context(),
            "kubernetes_namespace": os.environ.get(NAMESPACE, "default"),
            # In pods, where there is no kubeconfig; the client goes on with the context.
            "incluster": True,
            "service_account_name": ACCOUNT,
            # Mounts the artifact store.
            "local": True,
            # A third of ZenML's default: each look costs the node, which is this machine, time.
            "job_monitoring_interval": 1.0,
            "pod_settings": pods,
            "orchestrator_pod_settings": pods,
        }

    def image(self) -> str:
        """Name an image that is on the node."""
        return IMAGE

    def server_host(self) -> str:
        """Give the API server's address, which is one of this machine's, and which pods reach."""
        return str(urlsplit(new_client_from_config().configuration.host).hostname)


class OwnAccountHarness(KubernetesClusterHarness):
    """Leaves it to ZenML to make an account for pods. It can submit no isolated step then."""

    def config(self) -> dict[str, Any]:
        """Give what the component needs, but for the account."""
        return {**super().config(), "service_account_name": None}
