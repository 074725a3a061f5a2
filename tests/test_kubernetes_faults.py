"""The pattern `kubernetes` on a cluster of the tests' own, parts of which fail."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from kubernetes.config import new_client_from_config

from containerd import BUSYBOX_IMAGE
from engines import Engines
from kubernetes_cluster import Kubernetes
from real_engine import generated, needs, wait_for
from test_kubernetes import Cluster

pytestmark = needs("KUBECONFIG")


class OwnCluster(Cluster):
    """A backend for a cluster without Python."""

    name = "crate"

    def submit(self, code: str, **fields: object) -> str:
        """Submit a job that runs a line of shell."""
        return super().submit(code, command=("sh", "-c", code), image=BUSYBOX_IMAGE, **fields)


@pytest.fixture(scope="module")
def own(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubernetes]:
    """A cluster, and a generated project whose backend can be imported."""
    project = tmp_path_factory.mktemp("own")
    # Not below the tests' directory: unix sockets have short paths.
    with (
        tempfile.TemporaryDirectory() as directory,
        generated(engines, project, "kubernetes", OwnCluster.name, "KUBECONFIG"),
    ):
        own = Kubernetes(Path(directory), steps_image=False)
        try:
            own.up()
            yield own
        finally:
            own.down()


@pytest.fixture
def cluster(own: Kubernetes, monkeypatch: pytest.MonkeyPatch) -> OwnCluster:
    """A backend in the namespace `default`."""
    location = "kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION"
    monkeypatch.setattr(location, str(own.kubeconfig))
    return OwnCluster("default", new_client_from_config(str(own.kubeconfig)))


def test_the_api_server_is_restarted(own: Kubernetes, cluster: OwnCluster) -> None:
    """What runs goes on, and a job that is submitted meanwhile waits for its return."""
    job_id = cluster.submit("echo up; sleep 15; echo done")
    cluster.wait_for_output(job_id)
    own.api_server.stop()
    unavailable = cluster.module("core.jobs").UnavailableError
    with pytest.raises(unavailable, match="can't be reached"):
        cluster.backend.status(job_id)
    with pytest.raises(unavailable):
        cluster.backend.wait([job_id], 1)
    own.up()
    assert cluster.end(job_id) == "succeeded"
    assert cluster.end(cluster.submit("true")) == "succeeded"


def test_a_node_is_lost(own: Kubernetes, cluster: OwnCluster) -> None:
    """The step fails after the time that its settings give, and the reason names the node."""
    job_id = cluster.submit("echo up; sleep 600", settings={"node_lost_timeout_seconds": 1})
    cluster.wait_for_output(job_id)
    own.stop_kubelet()
    try:
        wait_for("the end", lambda: cluster.backend.status(job_id).is_ended, 180)
        assert cluster.states(job_id) == "failed"
        assert "127.0.0.1 does not answer" in str(cluster.backend.reason(job_id))
    finally:
        own.start_kubelet()
