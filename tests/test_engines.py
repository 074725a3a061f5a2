"""The real engines of tools/engines: each does its work, and is stopped without a trace."""

from __future__ import annotations

import contextlib
import json
import os
import runpy
import stat
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from kubernetes.client import BatchV1Api

import engine as subject
from containerd import BUSYBOX_IMAGE
from emulated_aws import EmulatedAws
from engine import HOME, Daemon, Engine, EngineError
from kubernetes_cluster import NODE, Kubernetes
from podman_service import Podman
from ray_head import Ray
from real_engine import leave_out
from slurm_cluster import Slurm
from zenml_server import ZenMLServer

KINDS = (Slurm, Podman, EmulatedAws, Ray, ZenMLServer, Kubernetes)
TOOL = Path(subject.__file__).parent
SLEEP = ("sleep", "3600")
SECRETS = ("password", "api_key", "signature")
"""Files of the server's."""


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon that does nothing, and is gone afterwards."""
    daemon = Daemon(tmp_path, "sleeper")
    yield daemon
    daemon.stop(seconds=0)


def test_daemon_is_started_once(daemon: Daemon) -> None:
    """Who starts a daemon again gets the same one; who finds it by its record too."""
    daemon.start(*SLEEP)
    first = daemon.process()
    daemon.start(*SLEEP)
    assert first is not None
    assert Daemon(daemon.directory, daemon.name).process() == first


def test_daemon_is_stopped(daemon: Daemon) -> None:
    """It is asked to end, and killed if it does not."""
    ready = daemon.directory / "ready"
    daemon.start("sh", "-c", f"trap '' TERM; touch {ready}; while :; do sleep 3600; done")
    process = daemon.process()
    assert process is not None
    subject.wait_for("the trap to be set", lambda: present(ready), [daemon])
    children = process.children()
    daemon.stop(seconds=0.2)
    subject.end(children)
    assert daemon.process() is None
    assert not alive(process)


def test_another_process_with_the_same_id_is_left_alone(daemon: Daemon) -> None:
    """An id that the system has given to somebody else does not get them stopped."""
    stranger = subprocess.Popen(SLEEP)
    try:
        record = {"pid": stranger.pid, "started": "at another time"}
        (daemon.directory / "sleeper.pid").write_text(json.dumps(record))
        assert daemon.process() is None
        daemon.stop()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_waits_end(daemon: Daemon) -> None:
    """A wait that is too long says what for, what was wrong, and what the daemon printed."""
    daemon.start("sh", "-c", "echo out of cheese; exec sleep 3600")
    subject.wait_for("words", lambda: words(daemon), [daemon])

    def never() -> None:
        raise EngineError("no answer")

    with pytest.raises(EngineError, match=r"for a sign: no answer\n(.|\n)*out of cheese"):
        subject.wait_for("a sign", never, [daemon], seconds=0.2)
    daemon.stop()
    with pytest.raises(EngineError, match="sleeper has ended, waiting for a sign"):
        subject.wait_for("a sign", never, [daemon])


class Sleeper(Engine):
    """An engine of one daemon, which is well as long as that runs."""

    name = "sleeper"

    @property
    def daemons(self) -> tuple[Daemon]:
        """Its daemon."""
        return (Daemon(self.home, "sleeper"),)

    def environment(self) -> dict[str, str]:
        """Nothing leads to it."""
        return {}

    def up(self) -> None:
        """Start it."""
        self.daemons[0].start("sh", "-c", "echo out of cheese; exec sleep 3600")
        subject.wait_for("words", lambda: words(self.daemons[0]), self.daemons)

    def check(self) -> str:
        """Nothing but its process shows how it is."""
        return "asleep"


def test_an_engine_that_has_died_names_its_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who asks how it is, is shown what it printed last; who has stopped it is not."""
    sleeper = Sleeper(tmp_path)
    (daemon,) = sleeper.daemons
    tool = runpy.run_path(str(TOOL / "__main__.py"))
    main: Any = tool["main"]
    monkeypatch.setitem(main.__globals__, "ENGINES", (sleeper,))
    monkeypatch.setitem(main.__globals__, "refuse_elsewhere", lambda: None)
    sleeper.up()
    process = daemon.process()
    assert process is not None
    subject.end([process])
    assert main(["status"]) == 1
    assert "sleeper has ended\n  The end of" in (said := capsys.readouterr().err)
    assert "out of cheese" in said
    daemon.stop()
    assert main(["status"]) == 1
    assert "out of cheese" not in capsys.readouterr().err


def test_socket_paths() -> None:
    """A path that no unix socket can have is refused, before anything is made."""
    fits = Path("/" + "x" * 106)
    assert subject.socket_path(fits) == fits
    with pytest.raises(EngineError, match="108 bytes, and Linux allows 107"):
        subject.socket_path(Path("/" + "x" * 107))


@pytest.mark.parametrize(
    ("system", "user", "message"),
    [
        ({"ID": "fedora", "PRETTY_NAME": "Fedora 41"}, 0, "Fedora 41"),
        ({"ID": "debian"}, 1000, "needs root"),
    ],
)
def test_elsewhere(
    system: dict[str, str],
    user: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Where it can't work, nothing is done, and the reason is given."""
    main: Any = runpy.run_path(str(TOOL / "__main__.py"))["main"]
    acted: list[Engine] = []
    monkeypatch.setattr("platform.freedesktop_os_release", lambda: system)
    monkeypatch.setattr("os.geteuid", lambda: user)
    for kind in KINDS:
        monkeypatch.setattr(kind, "up", acted.append)
        monkeypatch.setattr(kind, "check", acted.append)
    assert main(["up"]) == 1
    assert message in capsys.readouterr().err
    assert not acted


@pytest.fixture(params=KINDS, ids=lambda kind: str(kind.name))
def running(request: pytest.FixtureRequest) -> Engine:
    """Each of the engines that `make engines` starts."""
    return need(request.param(HOME))


def need(engine: Engine) -> Engine:
    """Skip the test if an engine is not up; in CI, fail it."""
    if not engine.is_up:
        leave_out(f"{engine.name} is not up (make engines)")
    return engine


def test_engine_works(running: Engine) -> None:
    """It does its work; its address is in the file of them all; to start it again does nothing."""
    before = [daemon.process() for daemon in running.daemons]
    assert running.check()
    lines = (HOME / "environment").read_text().splitlines()
    assert {f"{name}={value}" for name, value in running.environment().items()} <= set(lines)
    command = [sys.executable, str(TOOL), "up", running.name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert f"{running.name}: was up" in done.stdout
    assert [daemon.process() for daemon in running.daemons] == before


def test_server_of_its_own(tmp_path: Path) -> None:
    """Its secrets are for its owner only, and outlive a restart, as what it gave out does."""
    server = ZenMLServer(tmp_path)
    try:
        server.up()
        assert server.check().startswith("kit is logged in")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in server.home.glob("*")}
        assert {modes[name] for name in SECRETS} == {0o600}
        process = server.server.process()
        assert process is not None
        words = " ".join(process.cmdline())
        assert not [name for name in SECRETS if (server.home / name).read_text() in words]
        key = (server.home / "api_key").read_text()
        server.server.stop()
        server.up()
        assert (server.home / "api_key").read_text() == key
        assert server.check().startswith("kit is logged in")
    finally:
        server.down()
    assert not mentions(str(tmp_path))


@pytest.fixture
def cluster() -> Iterator[Slurm]:
    """A cluster of this test's own: what happens to it disturbs nobody."""
    need(Slurm(HOME))
    # Not `tmp_path`, which has the test's name: unix sockets have short paths.
    with tempfile.TemporaryDirectory() as directory:
        cluster = Slurm(Path(directory))
        try:
            cluster.up()
            yield cluster
        finally:
            cluster.down()


def test_cluster_with_a_long_path(tmp_path: Path) -> None:
    """Where a job could not have its socket, no cluster is made, and the reason is given."""
    home = tmp_path / ("x" * 80)
    with pytest.raises(EngineError, match=r"n1/n1_\S+ can't be made: its path has \d+ bytes"):
        Slurm(home).up()
    assert not home.exists()


def test_cluster_of_its_own(cluster: Slurm) -> None:
    """A second cluster on the same machine is another one."""
    other = Slurm(HOME)
    job = submit(cluster, "-w", "n1", "--job-name=only-here")
    assert "only-here" in cluster.command("squeue", "--noheader", "--format=%j", f"--jobs={job}")
    assert "only-here" not in other.command("squeue", "--noheader", "--format=%j")


def test_cluster_has_what_was_asked_for(cluster: Slurm) -> None:
    """Processors, memory and a class of GPU choose the node, and are in the job's record."""
    words = ("--cpus-per-task=2", "--mem=700", "--gpus=h100:1", "--account=lab")
    job = submit(cluster, *words)
    shown = subject.wait_for("the job to run", lambda: state(cluster, job, "RUNNING"), [])
    for wanted in ("NodeList=n2", "TRES=cpu=2,mem=700M", "Account=lab"):
        assert wanted in shown
    with pytest.raises(EngineError, match="Requested node configuration is not available"):
        submit(cluster, "--gpus=v100:1")


def test_cluster_is_healed(cluster: Slurm) -> None:
    """A controller that has ended is started again, and knows its jobs; the rest stays."""
    job = submit(cluster)
    subject.wait_for("the job to run", lambda: state(cluster, job, "RUNNING"), [])
    controller, others = cluster.controller.process(), [*cluster.nodes.values(), cluster.munge]
    assert controller is not None
    before = [daemon.process() for daemon in others]
    subject.end([controller], seconds=60)
    assert not cluster.is_up
    cluster.up()
    assert cluster.check()
    assert [daemon.process() for daemon in others] == before
    assert state(cluster, job, "RUNNING")


def test_controller_restarts(cluster: Slurm) -> None:
    """A new controller goes on with the jobs of the old one."""
    job = submit(cluster)
    subject.wait_for("the job to run", lambda: state(cluster, job, "RUNNING"), [])
    before = cluster.controller.process()
    cluster.restart_controller()
    assert cluster.controller.process() != before
    assert state(cluster, job, "RUNNING")


def test_node_is_lost_and_returns(cluster: Slurm, tmp_path: Path) -> None:
    """What ran on a lost node is dead; back in service, the node runs jobs."""
    detached = run_in_background(cluster, tmp_path / "started")
    cluster.stop_node("n1")
    assert not alive(detached)
    cluster.command("scontrol", "update", "NodeName=n1", "State=DOWN", "Reason=lost")
    assert "down" in cluster.command("sinfo", "--noheader", "--nodes=n1", "--format=%T")
    cluster.start_node("n1")
    cluster.command("srun", "-w", "n1", "true")


def test_cluster_leaves_nothing_running(cluster: Slurm, tmp_path: Path) -> None:
    """Stopped, it takes its jobs with it, and what they have put into the background."""
    detached = run_in_background(cluster, tmp_path / "started")
    assert detached.pid in mentions(str(cluster.home))
    cluster.down()
    assert not alive(detached)
    assert not mentions(str(cluster.home))


@pytest.fixture
def kubernetes() -> Iterator[Kubernetes]:
    """A Kubernetes cluster of this test's own, without the image for steps."""
    need(Kubernetes(HOME))
    with tempfile.TemporaryDirectory() as directory:
        cluster = Kubernetes(Path(directory), steps_image=False)
        try:
            cluster.up()
            yield cluster
        finally:
            cluster.down()


def test_kubernetes_of_its_own(kubernetes: Kubernetes) -> None:
    """It is mended, does what it is told to, and is gone without a trace: beside another one."""
    assert kubernetes.check().endswith(f"a Job ran; node {NODE} ready")
    assert stat.S_IMODE(kubernetes.kubeconfig.stat().st_mode) == 0o600
    container = running_container(kubernetes)

    # What has ended is started again, and knows its Jobs; the rest stays.
    processes = {daemon.name: daemon.process() for daemon in kubernetes.daemons}
    ended = [processes.pop(name) for name in ("etcd", "containerd", "kube-scheduler")]
    subject.end(process for process in ended if process)
    assert not kubernetes.is_up
    kubernetes.up()
    assert kubernetes.check()
    now = {daemon.name: daemon.process() for daemon in kubernetes.daemons}
    assert {name: now[name] for name in processes} == processes

    kubernetes.stop_kubelet()
    kubernetes.restart_api_server()
    assert kubernetes.api_server.process() != now["kube-apiserver"]
    kubernetes.start_kubelet()
    assert alive(container)

    name = json.loads((kubernetes.home / "cluster.json").read_text())["network"]
    kubernetes.down()
    assert not alive(container)
    assert not mentions(str(kubernetes.home))
    assert not mentions(f"zenml-kit-{name}")
    assert f"zenml-kit-{name}" not in psutil.net_if_addrs()
    assert not list(Path("/sys/fs/cgroup").glob(f"**/zenml-kit-{name}"))
    assert str(kubernetes.home) not in Path("/proc/mounts").read_text()
    assert Kubernetes(HOME).check()


def running_container(cluster: Kubernetes) -> psutil.Process:
    """Submit a Job that never ends; return the process of its container."""
    seconds = str(uuid.uuid4().int % 10**6 + 10**6)
    container = {
        "name": "main",
        "image": BUSYBOX_IMAGE,
        "imagePullPolicy": "Never",
        "command": ["sleep", seconds],
    }
    pod = {"restartPolicy": "Never", "containers": [container]}
    with cluster.client() as client:
        BatchV1Api(client).create_namespaced_job(
            "default",
            {"metadata": {"name": "stays"}, "spec": {"template": {"spec": pod}}},
        )

    def attempt() -> psutil.Process:
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                if process.cmdline() == ["sleep", seconds]:
                    return process
        raise EngineError("it does not")

    return subject.wait_for("the container to run", attempt, [cluster.kubelet])


def run_in_background(cluster: Slurm, started: Path) -> psutil.Process:
    """Submit a job that starts a process in a session of its own; return that process."""
    submit(cluster, "-w", "n1", wrap=f"setsid sleep 3600 & echo $! > {started}; sleep 3600")
    subject.wait_for("the job to start", lambda: present(started, content=True), [])
    return psutil.Process(int(started.read_text()))


def submit(cluster: Slurm, *words: str, wrap: str = "sleep 3600") -> str:
    """Submit a job; return its id."""
    return cluster.command(
        "sbatch", "--parsable", "--no-requeue", "--output=/dev/null", *words, f"--wrap={wrap}"
    ).strip()


def state(cluster: Slurm, job: str, wanted: str) -> str:
    """Return a job's record, if it is in a state; raise `EngineError` otherwise."""
    shown = cluster.command("scontrol", "show", "job", job)
    if f"JobState={wanted}" not in shown:
        raise EngineError(f"the job is not {wanted}: {shown}\n{last_words(cluster)}")
    return shown


def last_words(cluster: Slurm) -> str:
    """Return the end of what the daemons of a cluster have logged."""
    logs = sorted(cluster.home.rglob("*.log"))
    return "\n".join(f"{log.name}: {log.read_text()[-1500:]}" for log in logs)


def mentions(text: str) -> list[int]:
    """Return the processes that have a text in their command line, environment or directory."""
    pids = []
    for process in psutil.process_iter():
        try:
            words = [*process.cmdline(), process.cwd()]
            words += [f"{name}={value}" for name, value in process.environ().items()]
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if process.pid != os.getpid() and any(text in word for word in words):
            pids.append(process.pid)
    return pids


def present(path: Path, content: bool = False) -> None:
    """Raise `EngineError` as long as a file is not there, or empty."""
    if not path.exists() or (content and not path.read_text().strip()):
        raise EngineError(f"there is no {path}")


def words(daemon: Daemon) -> None:
    """Raise `EngineError` as long as a daemon has printed nothing."""
    if not daemon.log.read_text():
        raise EngineError("nothing was printed")


def alive(process: psutil.Process) -> bool:
    """Tell whether a process does anything."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
