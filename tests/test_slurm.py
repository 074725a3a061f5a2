"""The pattern `slurm` on a real cluster, which `SLURM_CONF` leads to."""

from __future__ import annotations

import getpass
import json
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
from real_engine import (
    DEAF,
    ENVIRONMENT,
    LISTEN,
    SHOW,
    SLEEP,
    GeneratedBackend,
    generated,
    leave_out,
    needs,
)
from slurm_cluster import Slurm

RUN_PATIENCE_SECONDS = 300.0
"""For what imports ZenML several times, on a machine that has other things to do."""

WAIT = "import os, time; print('up', flush=True)\nwhile not os.path.exists({!r}): time.sleep(0.1)"
NOTE = "print('ran', file=open({!r}, 'a'))"

FAILS_EVERY_THIRD_TIME = """#!/bin/sh
count=$(($(cat "$DIRECTORY/count") + 1))
echo $count >"$DIRECTORY/count"
if [ $((count % 3)) != 0 ]; then exec "$SBATCH" "$@"; fi
if [ $FAILS = after ]; then "$SBATCH" "$@" >/dev/null; fi
echo "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation" >&2
exit 1
"""

PIPELINE = """
import json, os, pathlib, sys, time
from zenml import pipeline, step
from zenml.client import Client

HERE = pathlib.Path(__file__).parent


def on(node):
    return step(enable_cache=False, settings={"orchestrator.acme": {"constraint": f"{node}-only"}})


def note(name):
    with (HERE / name).open("a") as file:
        file.write("ran\\n")


@on("n1")
def lost():
    note("lost")
    time.sleep(600)


@on("n2")
def kept():
    note("kept")
    while not (HERE / "go").exists():
        time.sleep(0.1)


@on("n1")
def after_lost():
    note("after_lost")


@on("n2")
def after_kept():
    note("after_kept")


@pipeline
def faults():
    lost()
    kept()
    after_lost(after="lost")
    after_kept(after="kept")


if __name__ == "__main__":
    client = Client()
    client.create_flavor("zenml_acme_orchestrator.flavor.AcmeOrchestratorFlavor", "orchestrator")
    client.create_stack_component("acme", "acme", "orchestrator", {})
    client.create_stack("acme", {"orchestrator": "acme", "artifact_store": "default"})
    client.activate_stack("acme")
    run = client.get_pipeline_run(faults().id)
    print(json.dumps([run.status, {name: step.status for name, step in run.steps.items()}]))
"""

pytestmark = needs("SLURM_CONF")


@pytest.fixture(scope="module", autouse=True)
def project(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A generated project, importable."""
    directory = tmp_path_factory.mktemp("slurm")
    with generated(engines, directory, "slurm", Cluster.name, "SLURM_CONF") as project:
        yield project


class Cluster(GeneratedBackend):
    """A backend of the generated project's, and what tests ask of it."""

    name = "acme"

    def __init__(self, **config: Any) -> None:
        """Make a backend.

        Args:
            **config: The configuration of the component.
        """
        super().__init__(**config)
        self.defaults["labels"] = {"role": "step", "run_id": "4711"}


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """The cluster, reached from this machine; cleared of what a test leaves on it."""
    cluster = Cluster()
    yield cluster
    cluster.cancel_all()


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
    assert "gpu" not in shown
    assert cluster.recorded(job_id) == (2, 501 * 2**20, 0)
    job_id = cluster.submit(SLEEP, memory=100 * 2**20, gpus=2, gpu_class="a100")
    assert cluster.recorded(job_id) == (1, 100 * 2**20, 2)


def test_how_a_job_has_ended(cluster: Cluster) -> None:
    """In Slurm's words."""
    job_id = cluster.submit("import os; os.kill(os.getpid(), 9)")
    assert cluster.end(job_id) == "failed"
    reason = cluster.backend.reason(job_id)
    assert reason.startswith("FAILED (")
    assert reason.endswith(", exit code 0:9)")


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
        leave_out("sshd is not installed (apt-get install openssh-server)")
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
        daemon.wait(Cluster.patience)


def wait_for_port(port: int) -> None:
    """Wait until somebody listens."""
    deadline = time.monotonic() + Cluster.patience
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            assert time.monotonic() < deadline, "sshd does not start"
            time.sleep(0.05)


def test_through_a_login_node(login_node: dict[str, Any]) -> None:
    """The same, by SSH: the environment is verbatim, and words of a job stay what they are."""
    cluster = Cluster(**login_node)
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


# What follows does harm, to a cluster that nobody else uses.


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    """A cluster whose jobs have two seconds to end when they are told to."""
    slurm = Slurm(tmp_path_factory.mktemp("private"), options="KillWait=2")
    slurm.up()
    yield slurm
    slurm.down()


@pytest.fixture
def fragile(private: Slurm, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A backend for that cluster, whose nodes are there again."""
    private.up()
    monkeypatch.setenv("SLURM_CONF", str(private.configuration))
    return Cluster()


def test_a_cancelled_job_that_does_not_listen_is_killed(fragile: Cluster) -> None:
    """When `KillWait` is over. Until then it lives, and so it says."""
    job_id = fragile.submit(DEAF)
    fragile.wait_for_output(job_id)
    fragile.backend.cancel(job_id)
    assert fragile.backend.status(job_id).value == "running"
    assert fragile.end(job_id) == "cancelled"


def test_a_drained_node_and_a_new_controller(
    fragile: Cluster, private: Slurm, tmp_path: Path
) -> None:
    """What runs goes on, what waits goes on waiting, and each job runs once."""
    here = {"constraint": "n1-only"}
    first = fragile.submit(WAIT.format(str(tmp_path / "go")), settings=here)
    note = NOTE.format(str(tmp_path / "notes"))
    second = fragile.submit(note, settings=here, depends_on=(first,))
    fragile.wait_for_output(first)
    scontrol("update", "NodeName=n1", "State=DRAIN", "Reason=broken")
    private.restart_controller()
    assert fragile.backend.status(first).value == "running"
    (tmp_path / "go").touch()
    assert fragile.end(first) == "succeeded"
    assert fragile.backend.status(second).value == "queued"
    scontrol("update", "NodeName=n1", "State=RESUME")
    assert fragile.end(second) == "succeeded"
    assert (tmp_path / "notes").read_text() == "ran\n"


@pytest.mark.parametrize("fails", ["before", "after"])
def test_sbatch_fails_every_third_time(
    fragile: Cluster, fails: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the job is in the queue, or after it: each is submitted, and no one twice."""
    monkeypatch.setattr(fragile.module("core.outages"), "PAUSES_SECONDS", (0, 0))
    monkeypatch.setenv("SBATCH", shutil.which("sbatch") or "")
    monkeypatch.setenv("DIRECTORY", str(tmp_path))
    monkeypatch.setenv("FAILS", fails)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    (tmp_path / "count").write_text("0")
    (tmp_path / "sbatch").write_text(FAILS_EVERY_THIRD_TIME)
    (tmp_path / "sbatch").chmod(0o700)
    notes = [tmp_path / f"note-{number}" for number in range(6)]
    for note in notes:
        fragile.submit(NOTE.format(str(note)))
    assert len(set(fragile.submitted)) == len(notes)
    assert [fragile.end(job_id) for job_id in fragile.submitted] == ["succeeded"] * len(notes)
    assert [note.read_text() for note in notes] == ["ran\n"] * len(notes)


def test_a_lost_node(
    project: Path, fragile: Cluster, private: Slurm, tmp_path: Path, home: Path
) -> None:
    """Its step has failed, and is not run again; what runs on other nodes goes on.

    Nor does it matter that Slurm's controller is another one by then.
    """
    (tmp_path / "faults.py").write_text(PIPELINE)
    environment = {
        **os.environ,
        "PYTHONPATH": str(project / "src"),
        "ZENML_CONFIG_PATH": str(tmp_path / "zenml"),
    }
    client = subprocess.Popen(
        [sys.executable, str(tmp_path / "faults.py")],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + RUN_PATIENCE_SECONDS
        while not ((tmp_path / "lost").exists() and (tmp_path / "kept").exists()):
            assert client.poll() is None, client.communicate()
            assert time.monotonic() < deadline, "the first steps do not start"
            time.sleep(0.2)
        private.stop_node("n1")
        scontrol("update", "NodeName=n1", "State=DOWN", "Reason=lost")
        private.restart_controller()
        private.start_node("n1")
        (tmp_path / "go").touch()
        printed, errors = client.communicate(timeout=RUN_PATIENCE_SECONDS)
    finally:
        client.kill()
        client.wait()
    assert client.returncode == 0, errors
    status, steps = json.loads(printed.splitlines()[-1])
    assert status == "failed"
    assert steps == {"lost": "failed", "kept": "completed", "after_kept": "completed"}
    for name in steps:
        assert (tmp_path / name).read_text() == "ran\n"
    assert not (tmp_path / "after_lost").exists()
