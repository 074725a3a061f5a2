"""The pattern `slurm` on a real cluster, which `SLURM_CONF` leads to."""

from __future__ import annotations

import getpass
import importlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engines import Engines

PATIENCE_SECONDS = 90.0
NASTY = """it's "quoted"\n\r\n$HOME `id` \\ ☃ """ + "x" * 4096
ENVIRONMENT = {"NASTY": NASTY, "EMPTY": "", "LARGE": "y" * 100_000}

SHOW = "import os; print(ascii({n: os.environ.get(n) for n in ('NASTY', 'EMPTY', 'LARGE')}))"
SLEEP = "import time; print('up', flush=True); time.sleep(60)"
LISTEN = "import signal; signal.signal(15, lambda *_: exit('told')); " + SLEEP
DEAF = "import signal; signal.signal(15, signal.SIG_IGN); " + SLEEP

needs_cluster = pytest.mark.skipif(
    "SLURM_CONF" not in os.environ and "CI" not in os.environ, reason="SLURM_CONF is not set"
)
pytestmark = needs_cluster


@pytest.fixture(scope="module")
def package(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A generated project, importable; the name of its package."""
    assert "SLURM_CONF" in os.environ, "no Slurm cluster is running, or SLURM_CONF does not say so"
    project = engines.cookiecutter(tmp_path_factory.mktemp("slurm"), backend_pattern="slurm")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(project / "src"))
        yield "zenml_acme_orchestrator"


class Cluster:
    """A backend of the generated project's, and what tests ask of it."""

    def __init__(self, package: str, **config: Any) -> None:
        """Make a backend.

        Args:
            package: The package.
            **config: The configuration of the component.
        """
        self.config = importlib.import_module(f"{package}.config")
        self.jobs = importlib.import_module(f"{package}.jobs")
        backend = importlib.import_module(f"{package}.backend")
        self.backend = backend.AcmeBackend(self.config.AcmeOrchestratorConfig(**config))
        self.submitted: list[str] = []

    def job(self, code: str, **fields: Any) -> Any:
        """Describe a job that runs a line of Python."""
        settings = self.config.AcmeOrchestratorSettings(**fields.pop("settings", {}))
        known = {
            "name": f"a-job-{time.time_ns()}",
            "command": (sys.executable, "-c", code),
            "environment": ENVIRONMENT,
            "labels": {"role": "step", "run_id": "4711"},
        }
        return self.jobs.Job(**{**known, "settings": settings, **fields})

    def submit(self, code: str, **fields: Any) -> str:
        """Submit such a job, as the orchestrator does."""
        job = self.job(code, **fields)
        self.backend.check(job)
        self.submitted.append(self.backend.submit(job))
        return self.submitted[-1]

    def end(self, job_id: str) -> str:
        """Wait for the end of a job; return its state."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (state := self.backend.status(job_id)).is_ended:
            assert time.monotonic() < deadline, f"job {job_id} does not end: {state}"
            time.sleep(0.2)
        return str(state.value)

    def printed(self, job_id: str) -> str:
        """Read what a job has printed so far."""
        path = Path(self.backend.log_location(job_id))
        return path.read_text() if path.exists() else ""

    def wait_for_output(self, job_id: str) -> None:
        """Wait until a job has printed something."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.printed(job_id):
            assert time.monotonic() < deadline, f"job {job_id} prints nothing"
            time.sleep(0.2)


@pytest.fixture
def cluster(package: str) -> Iterator[Cluster]:
    """The cluster, reached from this machine; cleared of what a test leaves on it."""
    cluster = Cluster(package)
    yield cluster
    for job_id in cluster.submitted:
        cluster.backend.cancel(job_id)


def scontrol(*arguments: str) -> str:
    """Ask Slurm."""
    return subprocess.run(
        ["scontrol", *arguments], check=True, capture_output=True, text=True
    ).stdout


def test_the_environment_arrives_verbatim(cluster: Cluster) -> None:
    """Quotes, newlines, what a shell would expand, nothing at all, and a great deal."""
    job_id = cluster.submit(SHOW)
    assert cluster.end(job_id) == "succeeded"
    assert cluster.printed(job_id).strip() == ascii(ENVIRONMENT)


def test_the_environment_is_for_the_job_alone(cluster: Cluster, home: Path) -> None:
    """Root's view of the job does not have it, and no file of the user's is left behind."""
    mark = "seen-by-nobody-else"
    job_id = cluster.submit(SLEEP, environment={"TOKEN": mark})
    cluster.wait_for_output(job_id)
    commands = subprocess.run(["ps", "-eww", "-o", "args"], capture_output=True, text=True).stdout
    assert mark not in commands
    assert mark not in scontrol("show", "job", "--details", job_id)
    assert mark not in scontrol("write", "batch_script", job_id, "-")
    files = [path for path in home.rglob("*") if path.is_file()]
    assert not [path for path in files if mark.encode() in path.read_bytes()]


def test_people_see_whose_job_it_is(cluster: Cluster) -> None:
    """In the name and the comment."""
    shown = scontrol("show", "job", cluster.submit(SLEEP))
    assert "JobName=a-job-" in shown
    assert "Comment=role=step run_id=4711" in shown
    assert "Requeue=0" in shown


def test_resources_are_slurms(cluster: Cluster) -> None:
    """As the controller has understood them."""
    job_id = cluster.submit(SLEEP, cpu=1.5, memory=500 * 2**20 + 1, gpus=0)
    shown = scontrol("show", "job", job_id)
    assert "CPUs/Task=2" in shown
    assert "MinMemoryNode=501M" in shown
    assert "gres/gpu" not in shown


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"cpu": 10_000}, "Requested node configuration is not available"),
        ({"memory": 2**50}, "Requested node configuration is not available"),
        ({"gpus": 1, "gpu_class": "nonesuch"}, "Requested node configuration is not available"),
        ({"settings": {"partition": "nonesuch"}}, "invalid partition"),
        ({"settings": {"time_limit": "soon"}}, "Invalid --time"),
        ({"settings": {"extra_flags": ["--nonesuch"]}}, "unrecognized option"),
    ],
)
def test_what_can_never_run_is_refused(
    cluster: Cluster, fields: dict[str, Any], message: str
) -> None:
    """In Slurm's words, and before anything is submitted."""
    with pytest.raises(ValueError, match=f"(?i){message}"):
        cluster.backend.check(cluster.job(SLEEP, **fields))


def test_order(cluster: Cluster) -> None:
    """A job starts when those before it have succeeded, and never if one of them has failed."""
    good, bad = cluster.submit("print(1)"), cluster.submit("exit(1)")
    after_good = cluster.submit("print(2)", depends_on=(good,))
    after_both = cluster.submit("print(3)", depends_on=(good, bad))
    everything = (good, bad, after_good, after_both)
    last = cluster.submit("print(4)", depends_on=everything, start_when="ended")
    states = [cluster.end(job_id) for job_id in (*everything, last)]
    assert states == ["succeeded", "failed", "succeeded", "cancelled", "succeeded"]
    assert not cluster.printed(after_both)


def test_a_cancelled_job_can_tidy_up(cluster: Cluster) -> None:
    """SIGTERM reaches Python itself."""
    job_id = cluster.submit(LISTEN)
    cluster.wait_for_output(job_id)
    cluster.backend.cancel(job_id)
    assert cluster.end(job_id) == "cancelled"
    assert "told" in cluster.printed(job_id)


def test_a_cancelled_job_that_does_not_listen_is_killed(cluster: Cluster) -> None:
    """When `KillWait` is over. Until then it lives, and so it says."""
    job_id = cluster.submit(DEAF)
    cluster.wait_for_output(job_id)
    cluster.backend.cancel(job_id)
    assert cluster.backend.status(job_id).value == "running"
    assert cluster.end(job_id) == "cancelled"


def test_a_cancelled_job_that_waits_never_starts(cluster: Cluster) -> None:
    """Not even when what it has waited for is over. To cancel twice is harmless."""
    first = cluster.submit(SLEEP)
    second = cluster.submit(SLEEP, depends_on=(first,))
    assert cluster.backend.status(second).value == "queued"
    for job_id in (second, first, second, first, "999999999"):
        cluster.backend.cancel(job_id)
    assert [cluster.end(first), cluster.end(second)] == ["cancelled"] * 2
    assert not cluster.printed(second)


def test_a_job_that_slurm_does_not_know(cluster: Cluster) -> None:
    """It is gone for good."""
    assert cluster.backend.status("999999999").value == "unknown"


@pytest.fixture
def login_node(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """A real sshd on this machine; what to configure to get there."""
    sshd = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
    if sshd is None:
        message = "sshd is not installed (apt-get install openssh-server)"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    for key in ("host", "user"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / key)]
        subprocess.run(command, check=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = (
        f"Port={port}",
        "ListenAddress=127.0.0.1",
        f"HostKey={tmp_path}/host",
        f"AuthorizedKeysFile={tmp_path}/user.pub",
        f"PidFile={tmp_path}/pid",
        "PasswordAuthentication=no",
        "StrictModes=no",  # /tmp is everybody's.
        f"SetEnv=SLURM_CONF={os.environ['SLURM_CONF']}",
    )
    known = f"[127.0.0.1]:{port} {(tmp_path / 'host.pub').read_text()}"
    (tmp_path / "known").write_text(known)
    Path("/run/sshd").mkdir(exist_ok=True)
    daemon = subprocess.Popen(
        [sshd, "-D", "-e", "-f", "/dev/null", *(w for o in options for w in ("-o", o))],
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for_port(port)
        yield {
            "login_node": f"{getpass.getuser()}@127.0.0.1",
            "ssh_options": [
                *("-p", str(port), "-i", str(tmp_path / "user"), "-F", "none"),
                *("-o", f"UserKnownHostsFile={tmp_path / 'known'}"),
            ],
            "log_directory": str(tmp_path / "logs"),
        }
    finally:
        daemon.terminate()
        daemon.wait(PATIENCE_SECONDS)


def wait_for_port(port: int) -> None:
    """Wait until somebody listens."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            assert time.monotonic() < deadline, "sshd does not start"
            time.sleep(0.05)


def test_through_a_login_node(package: str, login_node: dict[str, Any]) -> None:
    """The same, by SSH: the environment is verbatim, and words of a job stay what they are."""
    cluster = Cluster(package, **login_node)
    labels = {"role": "it's $HOME; 'quoted'"}
    job_id = cluster.submit(SHOW, labels=labels, cpu=2)
    assert cluster.end(job_id) == "succeeded"
    assert cluster.printed(job_id).strip() == ascii(ENVIRONMENT)
    assert f"Comment=role={labels['role']}" in scontrol("show", "job", job_id)
    assert cluster.backend.status("999999999").value == "unknown"
    with pytest.raises(ValueError, match=r"(?i)invalid partition"):
        cluster.backend.check(cluster.job(SHOW, settings={"partition": "nonesuch"}))
    waiting = cluster.submit(LISTEN)
    cluster.wait_for_output(waiting)
    cluster.backend.cancel(waiting)
    assert cluster.end(waiting) == "cancelled"
    assert "told" in cluster.printed(waiting)
