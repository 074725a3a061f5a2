"""The pattern `kubernetes` on a real cluster, which `KUBECONFIG` leads to.

Whole runs on it are judged in tests/test_conformance.py, and worked with in
tests/test_zenml_server.py. What needs faults of the cluster's own parts is in
tests/test_kubernetes_faults.py.
"""

from __future__ import annotations

import base64
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client as k8s
from kubernetes.config import new_client_from_config
from pydantic import SecretStr

import kubernetes_namespace
from engines import Engines
from real_engine import (
    DEAF,
    ENVIRONMENT,
    LISTEN,
    SHOW,
    SLEEP,
    GeneratedBackend,
    generated,
    needs,
    wait_for,
)

IMAGE = "zenml-kit-steps:1"
ALLOCATE = "print('up', flush=True); data = bytearray(500_000_000); print('it fitted')"

pytestmark = needs("KUBECONFIG")


@pytest.fixture(scope="module", autouse=True)
def project(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A generated project, importable."""
    directory = tmp_path_factory.mktemp("kubernetes")
    with generated(engines, directory, "kubernetes", Cluster.name, "KUBECONFIG") as project:
        yield project


@pytest.fixture(scope="module")
def api() -> k8s.ApiClient:
    """The cluster, with all permissions."""
    return new_client_from_config()


@pytest.fixture
def namespace(api: k8s.ApiClient, project: Path) -> Iterator[str]:
    """A namespace of the test's own, with what `rbac.yaml` creates."""
    with kubernetes_namespace.namespace(project, api) as name:
        yield name


class Cluster(GeneratedBackend):
    """A backend of the generated project's, and what tests ask of it and of the cluster."""

    name = "cube"

    def __init__(self, namespace: str, api: k8s.ApiClient, **config: Any) -> None:
        """Make a backend for a namespace.

        Args:
            namespace: The namespace.
            api: The cluster, to look at what the backend does to it.
            **config: The configuration of the component.
        """
        super().__init__(kubernetes_namespace=namespace, **{"stop_grace_seconds": 2, **config})
        self.defaults["image"] = IMAGE
        self.namespace = namespace
        self.core, self.batch = k8s.CoreV1Api(api), k8s.BatchV1Api(api)

    def job(self, code: str, **fields: Any) -> Any:
        """Describe a job that runs a line of Python."""
        labels = {"role": fields.pop("role", "step"), "run_id": "a-run"}
        return super().job(code, **{"command": ("python3", "-c", code), "labels": labels, **fields})

    def pods(self, job_id: str) -> list[Any]:
        """The pods of a job."""
        selector = f"zenml.job={job_id.rpartition('/')[2]}"
        return list(self.core.list_namespaced_pod(self.namespace, label_selector=selector).items)

    def printed(self, job_id: str) -> str:
        """Read what a job has printed so far."""
        for pod in self.pods(job_id):
            if pod.status.phase != "Pending":
                # As bytes: the client makes a text of them that is not what was printed.
                answer = self.core.read_namespaced_pod_log(
                    pod.metadata.name, self.namespace, _preload_content=False
                )
                return str(answer.data.decode())
        return ""

    def states(self, job_id: str) -> str:
        """How a job is doing, in one word."""
        return str(self.backend.status(job_id).value)


@pytest.fixture
def cluster(namespace: str, api: k8s.ApiClient) -> Cluster:
    """A backend in a namespace of its own."""
    return Cluster(namespace, api)


def test_the_environment_arrives_verbatim(cluster: Cluster) -> None:
    """Quotes, newlines, nothing at all, and a great deal; and the wait ends with the job."""
    job_id = cluster.submit(SHOW)
    began = time.monotonic()
    while not cluster.backend.status(job_id).is_ended:
        cluster.backend.wait([job_id], 60)
        assert time.monotonic() < began + 60
    assert cluster.states(job_id) == "succeeded"
    assert cluster.printed(job_id).strip() == ascii(ENVIRONMENT)


def test_the_environment_is_in_the_secret_alone(cluster: Cluster) -> None:
    """Which goes with the Job."""
    mark = "seen-by-nobody-else"
    job_id = cluster.submit(SLEEP, environment={"TOKEN": mark})
    cluster.wait_for_output(job_id)
    (job,) = cluster.batch.list_namespaced_job(cluster.namespace).items
    assert mark not in str((job, cluster.pods(job_id)))
    (event_list,) = [cluster.core.list_namespaced_event(cluster.namespace).items]
    assert mark not in str(event_list)
    name = job.metadata.name
    assert mark not in str(cluster.core.read_namespaced_secret(name, cluster.namespace).metadata)
    cluster.backend.cancel(job_id)

    def is_gone() -> bool:
        secrets = cluster.core.list_namespaced_secret(cluster.namespace).items
        return name not in [secret.metadata.name for secret in secrets]

    wait_for("the end of the Secret", is_gone, cluster.patience)
    assert cluster.end(job_id) == "cancelled"


def test_resources_are_on_record_and_hold(cluster: Cluster) -> None:
    """What exceeds its memory is killed, and the reason says so."""
    job_id = cluster.submit(ALLOCATE, cpu=0.5, memory=200_000_000)
    assert cluster.recorded(job_id) == (0.5, 200_000_000, 0)
    assert cluster.end(job_id) == "failed"
    assert cluster.backend.reason(job_id) == "OOMKilled (exit code 137)"


@pytest.mark.parametrize(("code", "ends"), [(LISTEN, "told"), (DEAF, "up")])
def test_cancel(cluster: Cluster, code: str, ends: str) -> None:
    """SIGTERM reaches the process, and SIGKILL what does not mind it."""
    job_id = cluster.submit(code)
    cluster.wait_for_output(job_id)
    (pod,) = cluster.pods(job_id)
    log = cluster.core.read_namespaced_pod_log(
        pod.metadata.name, cluster.namespace, follow=True, _preload_content=False
    )
    cluster.backend.cancel(job_id)
    cluster.backend.cancel(job_id)
    assert ends in log.read().decode().split()
    assert cluster.end(job_id) == "cancelled"


def test_what_can_never_run_is_refused(cluster: Cluster) -> None:
    """In the API server's words, and nothing is created."""
    with pytest.raises(ValueError, match="nodeSelector"):
        cluster.submit(SLEEP, settings={"node_selector": {"not a label": "x"}})
    with pytest.raises(ValueError, match="no image"):
        cluster.submit(SLEEP, image=None)
    with pytest.raises(ValueError, match="can't be set in a container"):
        cluster.submit(SLEEP, environment={"A B": "1"})
    assert cluster.batch.list_namespaced_job(cluster.namespace).items == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"image": "127.0.0.1:1/nowhere"},
            "startup_timeout_seconds.*ErrImagePull|ImagePullBackOff",
        ),
        ({"cpu": 1000}, "scheduling_timeout_seconds.*Unschedulable"),
    ],
)
def test_what_does_not_start_is_held(cluster: Cluster, fields: dict[str, Any], words: str) -> None:
    """After its time; and ends when the core has heard of it."""
    settings = {"startup_timeout_seconds": 3, "scheduling_timeout_seconds": 3}
    job_id = cluster.submit(SLEEP, settings=settings, **fields)
    wait_for("its state", lambda: cluster.states(job_id) == "held", cluster.patience)
    reason = str(cluster.backend.reason(job_id))
    assert re.search(words, reason), reason
    cluster.module("core.monitoring").job_states(cluster.backend, [job_id])
    assert cluster.end(job_id) == "cancelled"


def test_a_deadline(cluster: Cluster) -> None:
    """Kubernetes ends the Job, and says why."""
    job_id = cluster.submit(SLEEP, settings={"active_deadline_seconds": 2})
    assert cluster.end(job_id) == "failed"
    assert "DeadlineExceeded" in str(cluster.backend.reason(job_id))


def test_a_step_that_is_evicted_has_failed(cluster: Cluster) -> None:
    """This version of Kubernetes starts a second pod, which must not go on."""
    job_id = cluster.submit(SLEEP)
    cluster.wait_for_output(job_id)
    assert cluster.states(job_id) == "running"
    (pod,) = cluster.pods(job_id)
    name = pod.metadata.name
    eviction = {
        "apiVersion": "policy/v1beta1",
        "kind": "Eviction",
        "metadata": {"name": name, "namespace": cluster.namespace},
    }
    cluster.core.create_namespaced_pod_eviction(name, cluster.namespace, eviction)
    while not cluster.backend.status(job_id).is_ended:
        cluster.backend.wait([job_id], 60)
    assert cluster.states(job_id) == "failed"
    assert "one attempt" in str(cluster.backend.reason(job_id))
    started = [
        pod.metadata.name
        for pod in cluster.pods(job_id)
        for container in pod.status.container_statuses or ()
        if container.state.running or container.state.terminated
    ]
    assert set(started) <= {name}
    assert cluster.batch.list_namespaced_job(cluster.namespace).items == []


def test_quota(cluster: Cluster) -> None:
    """Without quota for a Job, there is no room; it is not an error of the step's."""
    quota = {"metadata": {"name": "one"}, "spec": {"hard": {"count/jobs.batch": "1"}}}
    cluster.core.create_namespaced_resource_quota(cluster.namespace, quota)
    job_id = cluster.submit(SLEEP)
    no_room = cluster.module("core.jobs").NoRoomError
    with pytest.raises(no_room, match="exceeded quota"):
        cluster.backend.submit(cluster.job(SLEEP))
    cluster.backend.cancel(job_id)
    assert cluster.end(job_id) == "cancelled"
    wait_for("room", lambda: bool(cluster.submit("print()")), cluster.patience)


def test_a_submission_whose_answer_is_lost(cluster: Cluster) -> None:
    """What is there is found, and not created again."""
    job = cluster.job("print('once')")
    job_id = cluster.backend.submit(job)
    assert cluster.backend.find(job) == job_id
    assert cluster.backend.submit(job) == job_id
    assert cluster.backend.find(cluster.job(SLEEP)) is None
    assert cluster.end(job_id) == "succeeded"
    assert len(cluster.pods(job_id)) == 1


def test_what_a_run_leaves_goes_with_its_coordinator(
    cluster: Cluster, api: k8s.ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its Job owns the Jobs and Secrets of steps."""
    control = cluster.submit(SLEEP, role="coordinator")
    monkeypatch.setenv("ZENML_CONTROL_JOB", control.rpartition("/")[2])
    coordinator = Cluster(cluster.namespace, api)
    coordinator.submit(SLEEP)
    cluster.backend.cancel(control)

    def is_gone() -> bool:
        secrets = cluster.core.list_namespaced_secret(
            cluster.namespace, field_selector="type=Opaque"
        )
        jobs = cluster.batch.list_namespaced_job(cluster.namespace)
        return not (secrets.items or jobs.items)

    wait_for("the end of everything", is_gone, cluster.patience)


def test_another_cluster_is_noticed(cluster: Cluster, api: k8s.ApiClient) -> None:
    """A job that is not there has not ended, if it never was there."""
    out_of_reach = cluster.module("core.jobs").OutOfReachError
    job_id = cluster.submit(SHOW)
    other = Cluster("default", api)
    with pytest.raises(out_of_reach, match="another cluster or namespace"):
        other.backend.status(job_id)
    with pytest.raises(out_of_reach, match="has no namespace 'not-there'"):
        Cluster("not-there", api).submit(SHOW)


def token(cluster: Cluster) -> str:
    """A token of the account of the pods that look after runs."""
    account = cluster.core.read_namespaced_service_account("zenml-orchestrator", cluster.namespace)
    if account.secrets:  # Kubernetes before 1.24.
        secret = cluster.core.read_namespaced_secret(account.secrets[0].name, cluster.namespace)
        return base64.b64decode(secret.data["token"]).decode()
    request = {"spec": {"audiences": [], "expirationSeconds": 600}}
    answer = cluster.core.create_namespaced_service_account_token(
        "zenml-orchestrator", cluster.namespace, request
    )
    return str(answer.status.token)


def test_the_role_is_enough(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its account does all that a coordinator does, and may do nothing else."""
    known = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())
    known["users"] = [{"name": known["contexts"][0]["context"]["user"], "user": {}}]
    known["users"][0]["user"]["token"] = token(cluster)
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(known))
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    monkeypatch.setattr(
        "kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(kubeconfig)
    )
    limited = Cluster(cluster.namespace, new_client_from_config(str(kubeconfig)))
    job_id = limited.submit("print('done')")
    while not limited.backend.status(job_id).is_ended:
        limited.backend.wait([job_id], 60)
    assert limited.states(job_id) == "succeeded"
    limited.backend.cancel(job_id)
    with pytest.raises(PermissionError, match=r"rbac\.yaml"):
        limited.backend.schedule(limited.job(SHOW, role="firing"), "0 0 1 1 *")
    with pytest.raises(k8s.ApiException, match="Forbidden"):
        limited.core.list_namespaced_secret(cluster.namespace)


def test_schedules(cluster: Cluster) -> None:
    """A CronJob creates Jobs that go on when it is deleted; its Secret goes with it."""
    schedule = cluster.backend.schedule(cluster.job(SLEEP, role="firing"), "* * * * *")
    name = schedule.rpartition("/")[2]
    wait_for("a Job", lambda: bool(cluster.printed(schedule)), 60 + cluster.patience)
    cluster.backend.unschedule(schedule)
    cluster.backend.unschedule(schedule)
    (job,) = cluster.batch.list_namespaced_job(cluster.namespace).items
    assert (job.status.active, job.metadata.deletion_timestamp) == (1, None)
    secrets = cluster.core.list_namespaced_secret(cluster.namespace).items
    assert name not in [secret.metadata.name for secret in secrets]


def test_a_service_connector_goes_before_the_kubeconfig(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of ZenML's own."""
    from zenml.integrations.kubernetes.service_connectors.kubernetes_service_connector import (
        KubernetesServiceConnector,
        KubernetesTokenConfig,
    )

    known = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())
    server = known["clusters"][0]["cluster"]
    connector = KubernetesServiceConnector(
        auth_method="token",
        resource_type="kubernetes-cluster",
        resource_id="c",
        config=KubernetesTokenConfig(
            server=server["server"],
            cluster_name="c",
            token=SecretStr(token(cluster)),
            certificate_authority=server["certificate-authority-data"],
        ),
    )
    connect = cluster.module("connection").connect
    client = connect(cluster.backend.config, lambda: connector)
    found = k8s.CoreV1Api(client).read_namespace(cluster.namespace)
    assert found.metadata.name == cluster.namespace
