"""The pattern `slurm` on real clusters that take few jobs at a time."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engines import Engines
from real_engine import SLEEP, GeneratedBackend, generated, leave_out, needs, wait_for
from slurm_accounting import SlurmWithAccounting
from slurm_cluster import Slurm

RUN_PATIENCE_SECONDS = 420.0
"""For a run whose steps import ZenML one after the other, on a machine with other things to do."""

SHORT = "import time; time.sleep(1)"

PIPELINE = """
import json, pathlib, sys, time
from zenml import pipeline, step
from zenml.client import Client
from zenml.enums import ExecutionMode
from zenml_few_orchestrator.core import outages

HERE = pathlib.Path(__file__).parent


def note(name):
    with (HERE / "ran").open("a") as file:
        print(name, file=file)


@step(enable_cache=False)
def good():
    note("good")


@step(enable_cache=False)
def bad():
    note("bad")
    raise RuntimeError("on purpose")


@step(enable_cache=False)
def after_good():
    note("after_good")


@step(enable_cache=False)
def after_bad():
    note("after_bad")


@step(enable_cache=False)
def long():
    note("long")
    time.sleep(600)


@pipeline(execution_mode=ExecutionMode.CONTINUE_ON_FAILURE)
def larger_than_the_queue():
    bad()
    good()
    after_bad(after="bad")
    after_good(after="good")


@pipeline
def stopped():
    long()
    good(after="long")


if __name__ == "__main__":
    client = Client()
    client.create_flavor("zenml_few_orchestrator.flavor.FewOrchestratorFlavor", "orchestrator")
    client.create_stack_component("few", "few", "orchestrator", {"synchronous": False})
    client.create_stack("few", {"orchestrator": "few", "artifact_store": "default"})
    client.activate_stack("few")
    outages.ROOM_PAUSES_SECONDS = (1,)
    run = globals()[sys.argv[1]]()
    while (run := client.get_pipeline_run(run.id)).in_progress:
        time.sleep(1)
    print(json.dumps([run.status, {name: step.status for name, step in run.steps.items()}]))
"""

STOP = """
from zenml.client import Client
from zenml.utils.run_utils import stop_run
stop_run(Client().list_pipeline_runs().items[0], graceful=False)
"""

pytestmark = needs("SLURM_CONF")


@pytest.fixture(scope="module", autouse=True)
def project(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A generated project, importable."""
    directory = tmp_path_factory.mktemp("few")
    with generated(engines, directory, "slurm", Cluster.name, "SLURM_CONF") as project:
        yield project


class Cluster(GeneratedBackend):
    """A backend of the generated project's."""

    name = "few"


class Client:
    """A process that runs one of the pipelines above, with a store of its own."""

    def __init__(self, project: Path, directory: Path, pipeline: str) -> None:
        """Start it."""
        self.directory = directory
        script = directory / "pipelines.py"
        script.write_text(PIPELINE)
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(project / "src"),
            "ZENML_CONFIG_PATH": str(directory / "zenml"),
        }
        self.process = subprocess.Popen(
            [sys.executable, str(script), pipeline],
            env=self.environment,
            stdout=(directory / "printed").open("w"),
            stderr=subprocess.STDOUT,
        )

    @property
    def printed(self) -> str:
        """What it has printed so far."""
        return (self.directory / "printed").read_text()

    @property
    def ran(self) -> list[str]:
        """The steps that have been started, in the order in which they were."""
        notes = self.directory / "ran"
        return notes.read_text().split() if notes.exists() else []

    def wait_for(self, what: str) -> None:
        """Wait until the client says something."""
        wait_for(f"{what!r} from the client", lambda: what in self.printed, RUN_PATIENCE_SECONDS)

    def end(self) -> int:
        """Wait for its end; return its exit status."""
        return self.process.wait(RUN_PATIENCE_SECONDS)


def no_jobs(slurm: Slurm) -> None:
    """Wait until all jobs of a cluster have ended."""
    wait_for(
        "the end of all jobs", lambda: not slurm.command("squeue", "--noheader"), Cluster.patience
    )


@pytest.fixture
def start(project: Path, tmp_path: Path) -> Iterator[Callable[[str], Client]]:
    """What starts a client."""
    clients = []

    def start(pipeline: str) -> Client:
        clients.append(Client(project, tmp_path, pipeline))
        return clients[-1]

    yield start
    for client in clients:
        client.process.kill()
        client.process.wait()


@pytest.fixture(scope="module")
def accounts() -> Iterator[SlurmWithAccounting]:
    """A cluster with accounting."""
    for command in ("slurmdbd", "mariadbd"):
        if shutil.which(command, path=f"{os.environ['PATH']}:/usr/sbin") is None:
            packages = " ".join(SlurmWithAccounting.packages)
            leave_out(f"{command} is not installed (apt-get install {packages})")
    with tempfile.TemporaryDirectory() as directory:
        slurm = SlurmWithAccounting(Path(directory), options="KillWait=2")
        slurm.up()
        yield slurm
        slurm.down()


@pytest.fixture(
    params=[
        ("user", "root", "MaxSubmitJobs"),
        ("account", "root", "GrpSubmitJobs"),
        ("qos", "normal", "MaxSubmitJobsPerUser"),
        ("qos", "normal", "MaxSubmitJobsPerAccount"),
        ("qos", "normal", "GrpSubmitJobs"),
    ],
    ids="-".join,
)
def one_job(
    request: pytest.FixtureRequest, accounts: SlurmWithAccounting, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SlurmWithAccounting]:
    """The same, with room for one job of this user's."""
    kind, name, limit = request.param
    monkeypatch.setenv("SLURM_CONF", str(accounts.configuration))
    accounts.manage("modify", kind, name, "set", f"{limit}=1")
    yield accounts
    accounts.manage("modify", kind, name, "set", f"{limit}=-1")
    accounts.command("scancel", "--user=root")
    no_jobs(accounts)


def test_room_for_one_job(one_job: SlurmWithAccounting, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each job is submitted when the one before it has ended, whoever has set the limit."""
    cluster = Cluster()
    monkeypatch.setattr(cluster.module("core.outages"), "ROOM_PAUSES_SECONDS", (0.2,))
    for number in range(3):
        cluster.submit(SHORT)
        assert len(cluster.submitted) == number + 1
    assert {cluster.end(job_id) for job_id in cluster.submitted} == {"succeeded"}


def test_no_room_for_too_long(one_job: SlurmWithAccounting) -> None:
    """The user learns which limit it is, and what to set."""
    cluster = Cluster(full_queue_timeout_seconds=1)
    cluster.submit(SLEEP)
    with pytest.raises(RuntimeError, match=r"Submit\w*Job[\s\S]*`full_queue_timeout_seconds`"):
        cluster.submit(SLEEP)


def test_a_limit_that_no_time_cures(
    accounts: SlurmWithAccounting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slurm says the same of it, in the same sentence."""
    monkeypatch.setenv("SLURM_CONF", str(accounts.configuration))
    cluster = Cluster()
    accounts.manage("modify", "qos", "normal", "set", "MaxWall=1", "Flags=DenyOnLimit")
    try:
        with pytest.raises(ValueError, match="QOSMaxWallDurationPerJobLimit"):
            cluster.submit(SLEEP, settings={"time_limit": "5"})
    finally:
        accounts.manage("modify", "qos", "normal", "set", "MaxWall=-1", "Flags=-1")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slurm]:
    """A cluster that has two jobs at most, and forgets those that have ended."""
    # Not `tmp_path`, which has the test's name: unix sockets have short paths.
    with tempfile.TemporaryDirectory() as directory:
        slurm = Slurm(Path(directory), options="MaxJobCount=2\nMinJobAge=2\nKillWait=2")
        slurm.up()
        monkeypatch.setenv("SLURM_CONF", str(slurm.configuration))
        yield slurm
        slurm.down()


def check_that_all_ran(client: Client) -> None:
    """Check that the run has completed as far as it could."""
    assert client.end() == 0, client.printed
    status, steps = json.loads(client.printed.splitlines()[-1])
    assert status == "failed"
    assert steps == {"bad": "failed", "good": "completed", "after_good": "completed"}
    assert client.ran == ["bad", "good", "after_good"]


@pytest.mark.usefixtures("few")
def test_a_run_larger_than_the_cluster(start: Callable[[str], Client]) -> None:
    """A failed step that Slurm has forgotten has failed all the same."""
    check_that_all_ran(start("larger_than_the_queue"))


@pytest.fixture
def one_job_per_user(
    accounts: SlurmWithAccounting, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Room for one job of this user's."""
    monkeypatch.setenv("SLURM_CONF", str(accounts.configuration))
    accounts.manage("modify", "user", "root", "set", "MaxSubmitJobs=1")
    yield
    accounts.manage("modify", "user", "root", "set", "MaxSubmitJobs=-1")
    accounts.command("scancel", "--user=root")
    no_jobs(accounts)


@pytest.mark.usefixtures("one_job_per_user")
def test_a_run_larger_than_the_users_share(start: Callable[[str], Client]) -> None:
    """One step at a time, and the finalizer last. The user learns what is waited for."""
    client = start("larger_than_the_queue")
    check_that_all_ran(client)
    assert "AssocMaxSubmitJobLimit" in client.printed


@pytest.mark.usefixtures("one_job_per_user")
@pytest.mark.parametrize("how", ["stop", "interrupt"])
def test_a_run_that_ends_before_it_is_submitted(
    start: Callable[[str], Client], accounts: SlurmWithAccounting, how: str
) -> None:
    """Stopped by another process, or by Ctrl-C: no job is left, and none follows."""
    client = start("stopped")
    client.wait_for("There is no room for a job")
    wait_for("the first step", lambda: client.ran == ["long"], RUN_PATIENCE_SECONDS)
    if how == "interrupt":
        client.process.send_signal(signal.SIGINT)
    else:
        script = client.directory / "stop.py"
        script.write_text(STOP)
        command = [sys.executable, str(script)]
        subprocess.run(command, env=client.environment, check=True, timeout=RUN_PATIENCE_SECONDS)
    assert client.end() != 0
    if how == "stop":
        assert "was stopped before all of its jobs" in client.printed
    no_jobs(accounts)
    assert client.ran == ["long"]
