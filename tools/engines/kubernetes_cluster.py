"""A Kubernetes cluster of one node, this machine: the real programs, built of Debian's source."""

from __future__ import annotations

import contextlib
import json
import shutil
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import kubernetes
from kubernetes.client.rest import ApiException
from urllib3.exceptions import HTTPError

import kubernetes_build
from containerd import BUSYBOX_IMAGE, Containerd, make_groups
from engine import HOME, Daemon, Engine, EngineError, free_ports, wait_for
from kubernetes_keys import Authority, write_key, write_kubeconfig
from kubernetes_network import API_PORT, Network, new_network
from podman_service import STEPS_IMAGE, Podman

NODE = "127.0.0.1"
"""The node's name. A node that is called so has this address, and may have it on loopback."""

LOCAL_TAG = "local"
"""A tag of the image for steps, for pods whose `imagePullPolicy` can't be set.

By default, Kubernetes pulls images that are `latest`, and there is no registry.
"""

USERS = {
    "admin": ("admin", "system:masters"),
    "kube-controller-manager": ("system:kube-controller-manager", ""),
    "kube-scheduler": ("system:kube-scheduler", ""),
    "kubelet": (f"system:node:{NODE}", "system:nodes"),
}
"""Those who have a kubeconfig: their names, and their groups, as Kubernetes has roles for them."""

PORTS = ("etcd", "etcd-peer", "kubelet")

TTL = "--feature-gates=TTLAfterFinished=true"
"""Jobs are removed after their `ttlSecondsAfterFinished`; still an experiment in this version."""

LOST_SECONDS = 20
"""After how long without a sign of it a node is lost."""

EVICTION_SECONDS = 30
"""How long after that its pods are given up."""

API_SERVER_SECONDS = 300.0
"""How long the API server may take to come up, on a busy machine."""

NODE_SECONDS = 120.0
"""How long the node may take to be ready, once it can reach the API server."""

JOB_SECONDS = 120.0
"""How long a Job may take that has nothing to do."""

KUBELET = {
    "apiVersion": "kubelet.config.k8s.io/v1beta1",
    "kind": "KubeletConfiguration",
    "address": NODE,
    "readOnlyPort": 0,
    "healthzPort": 0,
    "authorization": {"mode": "AlwaysAllow"},
    "cgroupDriver": "cgroupfs",
    "enforceNodeAllocatable": ["pods"],
    "failSwapOn": False,
    # Images come from nowhere: none may be removed. A full disk is the machine's business.
    "imageGCHighThresholdPercent": 100,
    "evictionHard": {
        "memory.available": "100Mi",
        "nodefs.available": "1%",
        "imagefs.available": "1%",
    },
    "makeIPTablesUtilChains": False,
    "maxPods": 250,
    "kubeAPIQPS": 50,
    "kubeAPIBurst": 100,
    "nodeStatusUpdateFrequency": "5s",
    "syncFrequency": "10s",
    # Nobody plugs in devices, or asks who has them.
    "featureGates": {"DevicePlugins": False, "KubeletPodResources": False},
}

KERNEL = (
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)
"""What a kubelet sets for the whole machine."""

DIRECT = {"NO_PROXY": "*", "no_proxy": "*"}
"""What keeps a machine's proxy out of what the programs say to each other."""

REQUEST_SECONDS = 20.0

PROBE = "nc -w 10 $KUBERNETES_SERVICE_HOST $KUBERNETES_SERVICE_PORT </dev/null"
"""Whether a pod reaches the API server where it looks for it."""


class Kubernetes(Engine):
    """The cluster: etcd, Kubernetes' four programs, and containerd."""

    name = "kubernetes"
    packages: ClassVar[tuple[str, ...]] = (
        *("busybox-static", "containerd", "containernetworking-plugins", "etcd-server"),
        *("iproute2", "mount", "runc", "util-linux"),
        *Podman.packages,
    )

    def __init__(self, home: Path = HOME, steps_image: bool = True) -> None:
        """Describe the cluster.

        Args:
            home: The directory of all engines.
            steps_image: Whether it has the image for steps; that takes a while, and disk space.
        """
        super().__init__(home)
        self.steps_image = steps_image
        self.kubeconfig = self.home / "admin.kubeconfig"
        self.etcd = Daemon(self.home, "etcd")
        self.api_server = Daemon(self.home, "kube-apiserver")
        self.controllers = Daemon(self.home, "kube-controller-manager")
        self.scheduler = Daemon(self.home, "kube-scheduler")
        self.kubelet = Daemon(self.home, "kubelet")
        self.containerd = Containerd(self.home / "containerd")

    @property
    def daemons(self) -> Sequence[Daemon]:
        """The processes that it is made of."""
        return (
            *(self.etcd, self.api_server, self.controllers, self.scheduler),
            *(*self.containerd.daemons, self.kubelet),
        )

    def environment(self) -> dict[str, str]:
        """Return the variables that lead to it. The file can be read by its owner only."""
        return {"KUBECONFIG": str(self.kubeconfig)}

    def up(self) -> None:
        """Start what does not run; a node that was lost is ready again.

        Raises:
            EngineError: If it does not come up.
        """
        _ = self.containerd.socket  # Its path may be too long.
        programs = kubernetes_build.programs()
        if not any(daemon.process() for daemon in self.daemons):
            self.down()
            self._configure()
        elif self.containerd.namespace.process() is None:
            self._stop_node()
        self._network.up()
        self._start_etcd()
        self._launch_api_server(programs)
        make_groups(self._network.name)
        self.containerd.start(self._network.plugins)
        if self.steps_image:
            self._add_steps_image()
        self._await_api_server()
        self._start_controllers(programs)
        self.start_kubelet()

    def check(self) -> str:
        """Run a Job to its end.

        Raises:
            EngineError: If the node is not ready, or lacks an image, or the Job does not end well.
        """
        version = self._ask(kubernetes.client.VersionApi, "get_code").git_version
        self._is_in_service()
        if self.steps_image and not self.containerd.image(STEPS_IMAGE):
            raise EngineError(f"there is no image {STEPS_IMAGE}")
        name = f"check-{uuid.uuid4().hex[:8]}"
        container = {
            "name": "check",
            "image": BUSYBOX_IMAGE,
            "imagePullPolicy": "Never",
            "command": ["sh", "-c", PROBE],
        }
        pod = {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "containers": [container],
        }
        job = {
            "metadata": {"name": name},
            "spec": {"backoffLimit": 0, "template": {"spec": pod}},
        }
        batch = kubernetes.client.BatchV1Api
        try:
            self._ask(batch, "create_namespaced_job", "kube-system", job)
            ended = wait_for(
                "a Job to end",
                lambda: self._ended(name),
                [self.kubelet, self.scheduler, self.controllers, self.api_server],
                seconds=JOB_SECONDS,
            )
        finally:
            with contextlib.suppress(EngineError):
                self._ask(
                    batch,
                    "delete_namespaced_job",
                    name,
                    "kube-system",
                    propagation_policy="Background",
                )
        if ended != "Complete":
            raise EngineError(f"a Job whose pod was to reach the API server ended: {ended}")
        return f"Kubernetes {version.lstrip('v')}: a Job ran; node {NODE} ready"

    def down(self) -> None:
        """Stop the cluster. Its containers are killed; images stay.

        Raises:
            EngineError: If something stays.
        """
        if not self._record.exists():
            return
        self._stop_node()
        for daemon in (self.scheduler, self.controllers, self.api_server, self.etcd):
            daemon.stop()
        self._network.down()
        kernel = json.loads(self._record.read_text(encoding="utf-8"))["kernel"]
        for name, value in kernel.items():
            with contextlib.suppress(OSError):
                Path("/proc/sys", name).write_text(value, encoding="ascii")
        self._record.unlink()

    def restart_api_server(self) -> None:
        """Kill the API server, and start it again. What it knows is in etcd.

        Asked to end, it would wait a minute for those who watch.

        Raises:
            EngineError: If it does not come back.
        """
        self.api_server.stop(seconds=0)
        self._launch_api_server(kubernetes_build.programs())
        self._await_api_server()
        if self.kubelet.process():
            self._await_node()

    def stop_kubelet(self) -> None:
        """Lose the node, as if its network had gone: its containers run on, and nobody knows.

        The cluster is not told. It notices after `LOST_SECONDS`.

        Raises:
            EngineError: If the kubelet can't be stopped.
        """
        self.kubelet.stop()

    def start_kubelet(self) -> None:
        """Have the node back.

        Raises:
            EngineError: If it does not become ready.
        """
        keys, home = self._keys, self.home
        configuration = {
            **KUBELET,
            "port": self._ports["kubelet"],
            "cgroupRoot": f"/{self._network.name}",
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": False},
                "x509": {"clientCAFile": str(keys / "ca.crt")},
            },
            "tlsCertFile": str(keys / "kubelet.crt"),
            "tlsPrivateKeyFile": str(keys / "kubelet.key"),
            "volumePluginDir": str(home / "plugins"),
        }
        file = home / "kubelet.json"
        file.write_text(json.dumps(configuration, indent=1), encoding="utf-8")
        self.kubelet.start(
            *self.containerd.inside,
            kubernetes_build.programs() / "kubelet",
            f"--config={file}",
            f"--kubeconfig={home / 'kubelet.kubeconfig'}",
            f"--root-dir={home / 'node'}",
            f"--cert-dir={keys}",
            "--container-runtime=remote",
            f"--container-runtime-endpoint=unix://{self.containerd.socket}",
            f"--hostname-override={NODE}",
            environment=DIRECT,
        )
        self._await_node()

    @contextlib.contextmanager
    def client(self) -> Iterator[Any]:
        """Give a client of this cluster, whatever the environment says."""
        client = kubernetes.config.new_client_from_config(str(self.kubeconfig))
        try:
            yield client
        finally:
            client.close()

    @property
    def _record(self) -> Path:
        """What was chosen when the cluster was made."""
        return self.home / "cluster.json"

    @property
    def _network(self) -> Network:
        return Network(json.loads(self._record.read_text(encoding="utf-8"))["network"])

    @property
    def _ports(self) -> dict[str, int]:
        ports: dict[str, int] = json.loads(self._record.read_text(encoding="utf-8"))["ports"]
        return ports

    @property
    def _keys(self) -> Path:
        return self.home / "keys"

    @property
    def _server(self) -> str:
        return f"https://{self._network.api_server}:{API_PORT}"

    def _configure(self) -> None:
        """Make a new cluster: new addresses, new ports, new keys, no objects. Images are kept."""
        self.home.mkdir(parents=True, exist_ok=True)
        for path in self.home.iterdir():
            if path.is_dir() and path != self.containerd.home:
                shutil.rmtree(path)
            elif path.is_file():
                path.unlink()
        network = new_network()
        record = {
            "network": network.number,
            "ports": dict(zip(PORTS, free_ports(len(PORTS)), strict=True)),
            "kernel": {name: Path("/proc/sys", name).read_text().strip() for name in KERNEL},
        }
        self._record.write_text(json.dumps(record), encoding="utf-8")
        authority = Authority(self._keys)
        authority.sign(
            "kube-apiserver",
            "kube-apiserver",
            addresses=[network.api_server, NODE],
            names=["localhost", "kubernetes.default.svc", "kubernetes.default", "kubernetes"],
        )
        authority.sign("etcd", "etcd", addresses=[NODE])
        for file, (user, group) in USERS.items():
            authority.sign(file, user, group, addresses=[NODE])
            write_kubeconfig(self.home / f"{file}.kubeconfig", self._keys, file, self._server)
        # What tokens of service accounts are signed with.
        write_key(self._keys / "accounts.key")

    def _start_etcd(self) -> None:
        client, peer = (f"https://{NODE}:{self._ports[name]}" for name in ("etcd", "etcd-peer"))
        keys = self._keys
        trust = {"cert-file": "etcd.crt", "key-file": "etcd.key", "trusted-ca-file": "ca.crt"}
        self.etcd.start(
            "etcd",
            f"--data-dir={self.home / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            *(f"--{name}={keys / file}" for name, file in trust.items()),
            *(f"--peer-{name}={keys / file}" for name, file in trust.items()),
            *("--client-cert-auth", "--peer-client-cert-auth"),
            # It does not outlive the machine.
            "--unsafe-no-fsync",
        )

    def _launch_api_server(self, programs: Path) -> None:
        keys, network = self._keys, self._network
        self.api_server.start(
            programs / "kube-apiserver",
            f"--etcd-servers=https://{NODE}:{self._ports['etcd']}",
            f"--etcd-cafile={keys / 'ca.crt'}",
            f"--etcd-certfile={keys / 'etcd.crt'}",
            f"--etcd-keyfile={keys / 'etcd.key'}",
            f"--bind-address={network.api_server}",
            f"--secure-port={API_PORT}",
            "--insecure-port=0",
            f"--service-cluster-ip-range={network.services}",
            f"--tls-cert-file={keys / 'kube-apiserver.crt'}",
            f"--tls-private-key-file={keys / 'kube-apiserver.key'}",
            f"--client-ca-file={keys / 'ca.crt'}",
            "--authorization-mode=Node,RBAC",
            f"--service-account-key-file={keys / 'accounts.pub'}",
            f"--service-account-signing-key-file={keys / 'accounts.key'}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--kubelet-certificate-authority={keys / 'ca.crt'}",
            f"--kubelet-client-certificate={keys / 'admin.crt'}",
            f"--kubelet-client-key={keys / 'admin.key'}",
            "--kubelet-preferred-address-types=InternalIP",
            "--allow-privileged",
            f"--default-not-ready-toleration-seconds={EVICTION_SECONDS}",
            f"--default-unreachable-toleration-seconds={EVICTION_SECONDS}",
            TTL,
            environment=DIRECT,
        )

    def _await_api_server(self) -> None:
        wait_for(
            "the API server to be ready",
            self._answers,
            [self.api_server, self.etcd],
            seconds=API_SERVER_SECONDS,
        )

    def _await_node(self) -> None:
        wait_for(
            "the node to be ready",
            self._is_in_service,
            [self.kubelet, self.containerd.daemon, self.api_server],
            seconds=NODE_SECONDS,
        )

    def _start_controllers(self, programs: Path) -> None:
        keys, home = self._keys, self.home
        # One of each: nobody has to be elected. They serve nothing that anybody asks for.
        alone = ("--leader-elect=false", "--port=0", "--secure-port=0")
        self.controllers.start(
            programs / "kube-controller-manager",
            f"--kubeconfig={home / 'kube-controller-manager.kubeconfig'}",
            f"--root-ca-file={keys / 'ca.crt'}",
            f"--service-account-private-key-file={keys / 'accounts.key'}",
            "--use-service-account-credentials",
            f"--node-monitor-grace-period={LOST_SECONDS}s",
            "--terminated-pod-gc-threshold=200",
            "--kube-api-qps=50",
            "--kube-api-burst=100",
            *(*alone, TTL),
            environment=DIRECT,
        )
        self.scheduler.start(
            programs / "kube-scheduler",
            f"--kubeconfig={home / 'kube-scheduler.kubeconfig'}",
            *alone,
            environment=DIRECT,
        )

    def _add_steps_image(self) -> None:
        """Copy the image for steps from Podman's storage; Podman's service need not run."""
        podman = Podman(HOME)
        podman.make_images()
        current = (
            f"zenml-kit={podman.command('images', '--quiet', '--no-trunc', STEPS_IMAGE).strip()}"
        )
        if current not in self.containerd.image(STEPS_IMAGE):
            print("  copying the image for steps", flush=True)
            archive = self.home / "steps.tar"
            archive.unlink(missing_ok=True)
            podman.command("save", f"--output={archive}", STEPS_IMAGE, seconds=600)
            self.containerd.add_image(archive)
            self.containerd.label_image(STEPS_IMAGE, current)
        self.containerd.tag_image(STEPS_IMAGE, LOCAL_TAG)

    def _stop_node(self) -> None:
        self.kubelet.stop()
        self.containerd.stop(self._network.name)

    def _answers(self) -> None:
        self._ask(kubernetes.client.CoreV1Api, "read_namespace", "kube-system")

    def _is_in_service(self) -> None:
        """Raise `EngineError` if the node is not ready, or no pod could be made yet."""
        core = kubernetes.client.CoreV1Api
        node = self._ask(core, "read_node", NODE)
        states = {condition.type: condition for condition in node.status.conditions or ()}
        ready = states.get("Ready")
        if ready is None or ready.status != "True":
            raise EngineError(f"node {NODE} is not ready: {ready and ready.message}")
        kubelet = self.kubelet.process()
        # Times of Kubernetes are in whole seconds.
        if kubelet is None or ready.last_heartbeat_time.timestamp() < int(kubelet.create_time()):
            raise EngineError(
                f"node {NODE} has not been heard of since {ready.last_heartbeat_time}"
            )
        if node.spec.taints:
            raise EngineError(f"node {NODE} takes no pods: {[t.key for t in node.spec.taints]}")
        for namespace in ("default", "kube-system"):
            account = self._ask(core, "read_namespaced_service_account", "default", namespace)
            if not account.secrets:
                raise EngineError(f"the account of pods in {namespace} has no token")

    def _ended(self, job: str) -> str:
        """Return how a Job has ended; raise `EngineError` as long as it has not."""
        batch, core = kubernetes.client.BatchV1Api, kubernetes.client.CoreV1Api
        state = self._ask(batch, "read_namespaced_job_status", job, "kube-system").status
        for condition in state.conditions or ():
            return str(condition.type)
        selector = f"job-name={job}"
        pods = self._ask(core, "list_namespaced_pod", "kube-system", label_selector=selector)
        raise EngineError(f"its pods are {[pod.status.phase for pod in pods.items]}")

    def _ask(self, api: Any, method: str, *arguments: Any, **options: Any) -> Any:
        """Call a method of an API of Kubernetes' client."""
        try:
            with self.client() as client:
                call = getattr(api(client), method)
                return call(*arguments, _request_timeout=REQUEST_SECONDS, **options)
        except (ApiException, HTTPError, OSError, ValueError) as error:
            raise EngineError(f"the API server did not {method}: {error}") from error
