"""What the backend makes of Slurm's answers, which are scripted here: there is no cluster.

`pytest --conformance-tier=live` is the test on one.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from example_pkg.backend import AcmeBackend
from example_pkg.config import (
    AcmeOrchestratorConfig,
)
from example_pkg.core import outages
from example_pkg.core.jobs import (
    Job,
    JobBackend,
    JobState,
    NoRoomError,
    OutOfReachError,
)
from example_pkg.core.monitoring import check_job, submit_job
from example_pkg.core.run_id import RUN_ID_VARIABLE
from example_pkg.slurm import SlurmError, SlurmUnavailable

NASTY = """it's "quoted"\n$HOME `id` \\ ☃ """ + "x" * 4096
SECRET = {"NASTY": NASTY, "EMPTY": ""}
JOB = Job("a-job", ("echo", "it's"), SECRET)

SBATCH = """
case "$*" in *--test-only*) exit 0;; esac
cat <&3 >"$CLUSTER/environment"; echo "$*" >"$CLUSTER/arguments"
echo Welcome
echo "7;a-cluster"
"""
BUSY = "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation"
LIMIT = "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)"


class Cluster:
    """Commands that answer as a test wants, found first on PATH."""

    def __init__(self, directory: Path) -> None:
        """Make all of them fail until they are given an answer."""
        self.directory = directory
        for command in ("sbatch", "squeue", "scancel", "scontrol", "ssh"):
            self.answers(command, "echo 'no such luck' >&2; exit 1")

    def answers(self, command: str, script: str) -> None:
        """Say what a command does from now on; it notes its arguments."""
        path = self.directory / command
        path.write_text(f'#!/bin/sh\necho {command} "$*" >>"$CLUSTER/commands"\n{script}\n')
        path.chmod(0o700)

    def read(self, name: str) -> str:
        """Read what a command has noted."""
        return (self.directory / name).read_text()


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A cluster on which everything fails."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("CLUSTER", str(tmp_path))
    monkeypatch.delenv(RUN_ID_VARIABLE, raising=False)
    return Cluster(tmp_path)


@pytest.fixture
def backend() -> JobBackend:
    """A backend, configured by default."""
    return AcmeBackend(AcmeOrchestratorConfig())


def environment(cluster: Cluster) -> dict[str, str]:
    """The environment that `sbatch` has read."""
    variables = cluster.read("environment").split("\0")
    return dict(variable.split("=", 1) for variable in variables if variable)


def test_values_survive_verbatim(
    cluster: Cluster, backend: JobBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They come in addition to the submitter's own, and stand on no command line."""
    monkeypatch.setenv("NASTY", "the submitter's own")
    monkeypatch.setenv("MODULES", "the submitter's own")
    cluster.answers("sbatch", SBATCH)
    assert backend.submit(JOB) == "7"
    assert {**SECRET, "MODULES": "the submitter's own"}.items() <= environment(cluster).items()
    assert "xxx" not in cluster.read("commands")
    assert cluster.read("arguments").endswith("--wrap=exec echo 'it'\"'\"'s'\n")


def test_a_large_environment_fits(cluster: Cluster, backend: JobBackend) -> None:
    """More than a pipe holds."""
    cluster.answers("sbatch", SBATCH)
    large = {f"V{number}": "y" * 4096 for number in range(100)}
    backend.submit(Job("a-job", ("true",), large))
    assert large.items() <= environment(cluster).items()


def test_logs_are_private(cluster: Cluster, backend: JobBackend) -> None:
    """Jobs write to a directory that is made for its owner alone."""
    cluster.answers("sbatch", SBATCH)
    backend.submit(JOB)
    directory = cluster.directory / "home" / "slurm_logs"
    assert f" --chdir={directory} " in cluster.read("arguments")
    assert directory.stat().st_mode & 0o777 == 0o700


def test_a_refusal_reaches_the_user(cluster: Cluster, backend: JobBackend) -> None:
    """In Slurm's words, once it is known that there is no such job; nothing secret is told."""
    cluster.answers("squeue", "exit 0")
    with pytest.raises(SlurmError, match="no such luck") as error:
        backend.submit(JOB)
    assert "xxx" not in str(error.value)
    assert cluster.read("commands").count("sbatch") == 1


def test_an_outage_is_waited_for(
    cluster: Cluster, backend: JobBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slurm is asked again, but not to submit a job that it has by now."""
    monkeypatch.setattr(outages, "PAUSES_SECONDS", (0, 0))
    cluster.answers("squeue", "exit 0")
    once = f'if [ -e "$CLUSTER/tried" ]; then {SBATCH} exit 0; fi; touch "$CLUSTER/tried"'
    cluster.answers("sbatch", f"{once}; echo '{BUSY}' >&2; exit 1")
    assert submit_job(backend, JOB) == "7"
    commands = [line.split()[0] for line in cluster.read("commands").splitlines()]
    assert commands == ["sbatch", "squeue", "sbatch"]

    cluster.answers("sbatch", f"echo '{BUSY}' >&2; exit 1")
    for ask in (check_job, submit_job):
        with pytest.raises(SlurmError, match="Socket timed out"):
            ask(backend, JOB)
    assert cluster.read("commands").count("--test-only") == 3


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is waited for between two tries."""
    monkeypatch.setattr(outages, "PAUSES_SECONDS", (0, 0))
    monkeypatch.setattr(outages, "ROOM_PAUSES_SECONDS", (0,))


def refusing(message: str, times: int) -> str:
    """Script an `sbatch` that refuses some jobs, and takes all that follow."""
    lines = "\n".join(f"sbatch: error: {line}" for line in message.split("\n"))
    return f"""
count=$(($(cat "$CLUSTER/count" 2>/dev/null || echo 0) + 1)); echo $count >"$CLUSTER/count"
if [ $count -le {times} ]; then
cat >&2 <<'EOF'
{lines}
EOF
exit 1; fi
{SBATCH}"""


@pytest.mark.parametrize(
    "message",
    [
        f"AssocMaxSubmitJobLimit\nBatch job submission failed: {LIMIT}",
        f"AssocGrpSubmitJobsLimit\nBatch job submission failed: {LIMIT}",
        f"QOSMaxSubmitJobPerUserLimit\nBatch job submission failed: {LIMIT}",
        f"MaxSubmitJobsPerAccount\nBatch job submission failed: {LIMIT}",
        f"QOSGrpSubmitJobsLimit\nBatch job submission failed: {LIMIT}",
        "Slurm temporarily unable to accept job, sleeping and retrying\n"
        "Batch job submission failed: Resource temporarily unavailable",
        "Slurm job queue full, sleeping and retrying\n"
        "Batch job submission failed: MaxJobCount limit reached",
    ],
)
@pytest.mark.usefixtures("hurried")
def test_room_in_the_queue_is_waited_for(
    cluster: Cluster, backend: JobBackend, message: str
) -> None:
    """However often Slurm says that it has none."""
    cluster.answers("squeue", "exit 0")
    cluster.answers("sbatch", refusing(message, times=20))
    check_job(backend, JOB)
    cluster.directory.joinpath("count").unlink()
    assert submit_job(backend, JOB) == "7"


@pytest.mark.usefixtures("hurried")
def test_room_is_not_waited_for_for_ever(cluster: Cluster) -> None:
    """The message says what was waited for, and what to set."""
    config = AcmeOrchestratorConfig(full_queue_timeout_seconds=0)
    backend = AcmeBackend(config)
    cluster.answers("squeue", "exit 0")
    cluster.answers("sbatch", refusing("QOSGrpSubmitJobsLimit", times=2))
    told = r"QOSGrpSubmitJobsLim\w+.*`full_queue_timeout_seconds`"
    for ask in (check_job, submit_job):
        with pytest.raises(NoRoomError, match=told):
            ask(backend, JOB)


@pytest.mark.parametrize(
    "limit", ["QOSMaxWallDurationPerJobLimit", "AssocMaxCpuPerJobLimit", "MaxMemPerLimit"]
)
def test_a_limit_that_no_time_cures(cluster: Cluster, backend: JobBackend, limit: str) -> None:
    """Slurm has the same sentence for it, but a name of its own."""
    cluster.answers("squeue", "echo 1")
    cluster.answers("sbatch", refusing(f"{limit}\nallocation failure: {LIMIT}", times=1))
    with pytest.raises(ValueError, match=limit):
        backend.check(JOB)


@pytest.mark.usefixtures("hurried")
def test_a_limit_without_a_name(cluster: Cluster, backend: JobBackend) -> None:
    """As before Slurm 18.08. While the user has jobs, it may be that of their number."""
    cluster.answers("squeue", 'case "$*" in *--user=*) echo 1;; esac')
    cluster.answers("sbatch", refusing(f"Batch job submission failed: {LIMIT}", times=20))
    assert submit_job(backend, JOB) == "7"
    cluster.answers("squeue", "exit 0")
    cluster.directory.joinpath("count").unlink()
    cluster.directory.joinpath("commands").unlink()
    with pytest.raises(SlurmError, match="violates accounting/QOS policy"):
        submit_job(backend, JOB)
    assert cluster.read("commands").count("sbatch") == 3


def test_an_answer_without_an_id(cluster: Cluster, backend: JobBackend) -> None:
    """What is no id is not taken for one."""
    cluster.answers("squeue", "exit 0")
    cluster.answers("sbatch", "echo slurm 22.05")
    with pytest.raises(SlurmError, match="no id of a job, but 'slurm"):
        backend.submit(JOB)


@pytest.mark.usefixtures("hurried")
def test_a_job_whose_id_was_lost_is_found(cluster: Cluster, backend: JobBackend) -> None:
    """`sbatch` may fail when Slurm has the job already. It must not stay behind unknown."""
    cluster.answers("sbatch", f"echo '{BUSY}' >&2; exit 1")
    cluster.answers("squeue", 'case "$*" in *--name=a-job*) echo 8;; esac')
    assert submit_job(backend, JOB) == "8"
    assert cluster.read("commands").count("sbatch") == 1


def test_a_job_that_can_never_run_is_refused(cluster: Cluster, backend: JobBackend) -> None:
    """Slurm is asked, and once for all jobs that want the same."""
    with pytest.raises(ValueError, match="no such luck"):
        backend.check(JOB)
    cluster.answers("sbatch", SBATCH)
    cluster.directory.joinpath("commands").unlink()
    backend.check(JOB)
    backend.check(JOB)
    assert cluster.read("commands").count("sbatch --test-only") == 1
    assert not cluster.directory.joinpath("arguments").exists()


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("PENDING", JobState.QUEUED),
        ("REQUEUED", JobState.QUEUED),
        ("RUNNING", JobState.RUNNING),
        ("COMPLETING", JobState.RUNNING),
        ("SUSPENDED", JobState.RUNNING),
        ("A_STATE_OF_A_LATER_SLURM", JobState.RUNNING),
        ("COMPLETED", JobState.SUCCEEDED),
        ("CANCELLED", JobState.CANCELLED),
        ("FAILED", JobState.FAILED),
        ("OUT_OF_MEMORY", JobState.FAILED),
        ("TIMEOUT", JobState.FAILED),
        ("NODE_FAIL", JobState.FAILED),
        ("", JobState.UNKNOWN),
    ],
)
def test_states(cluster: Cluster, backend: JobBackend, word: str, state: JobState) -> None:
    """What is not certainly over is alive."""
    cluster.answers("squeue", f"echo 7 {word}" if word else "exit 0")
    assert backend.status("7") is state


def test_many_states_cost_one_command(cluster: Cluster, backend: JobBackend) -> None:
    """What the controller has forgotten is missing in its answer."""
    cluster.answers("squeue", "echo 7 RUNNING; echo 9 FAILED")
    assert backend.statuses(["7", "8", "9"]) == {
        "7": JobState.RUNNING,
        "8": JobState.UNKNOWN,
        "9": JobState.FAILED,
    }
    assert cluster.read("commands").count("squeue") == 1


def test_a_forgotten_job_is_unknown(cluster: Cluster, backend: JobBackend) -> None:
    """The controller answers, and says that there is no such job."""
    cluster.answers("squeue", "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1")
    assert backend.status("7") is JobState.UNKNOWN


def test_an_outage_says_nothing_about_a_job(cluster: Cluster, backend: JobBackend) -> None:
    """Who asks has to ask again."""
    cluster.answers("squeue", "echo 'Unable to contact slurm controller' >&2; exit 1")
    with pytest.raises(SlurmError, match="Unable to contact"):
        backend.status("7")


def test_where_the_output_is(cluster: Cluster, backend: JobBackend) -> None:
    """As Slurm knows it."""
    cluster.answers("scontrol", r"printf 'JobId=7\n   StdOut=/home/a b.log\n   Power=\n'")
    assert backend.log_location("7") == "/home/a b.log"


def test_a_job_hands_nothing_of_slurms_on(
    cluster: Cluster, backend: JobBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dynamic pipeline submits steps from a job: its own size is not theirs."""
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "8")
    monkeypatch.setenv("SLURM_CONF", "/etc/slurm/slurm.conf")
    cluster.answers("sbatch", SBATCH)
    backend.submit(JOB)
    names = {name for name in environment(cluster) if name.startswith("SLURM_")}
    assert names == {"SLURM_CONF"}


def test_a_login_node_is_reached_by_ssh(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """One connection for all that there is to say; a job is on the cluster already."""
    cluster.answers("sbatch", SBATCH)
    cluster.answers("ssh", 'while [ "$1" != here ]; do shift; done; shift; exec sh -c "$*"')
    config = AcmeOrchestratorConfig(login_node="here", ssh_options=["-p", "22"])
    backend = AcmeBackend(config)
    assert [backend.submit(JOB) for _ in range(2)] == ["7", "7"]
    assert SECRET.items() <= environment(cluster).items()
    assert "xxx" not in cluster.read("commands")
    (connection,) = (line for line in cluster.read("commands").splitlines() if "ssh" in line)
    assert "-o BatchMode=yes" in connection
    assert connection.endswith("-p 22 -- here exec sh")

    cluster.directory.joinpath("commands").unlink()
    monkeypatch.setenv(RUN_ID_VARIABLE, "4711")
    assert AcmeBackend(config).submit(JOB) == "7"
    assert "ssh" not in cluster.read("commands")


def test_a_machine_without_slurm(
    backend: JobBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message says what to configure; nothing is taken for dead."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OutOfReachError, match=r"not on this machine.* in `login_node`"):
        backend.cancel("7")
    with pytest.raises(OutOfReachError):
        backend.status("7")


def test_a_connection_that_is_lost(cluster: Cluster) -> None:
    """It has refused nothing; the next question opens another one."""
    cluster.answers("ssh", "echo 'Connection to here closed by remote host.' >&2; exit 255")
    backend = AcmeBackend(AcmeOrchestratorConfig(login_node="here"))
    with pytest.raises(SlurmUnavailable, match="closed by remote host"):
        backend.status("7")
    cluster.answers("ssh", "exec sh")
    cluster.answers("squeue", "echo 7 RUNNING")
    assert backend.status("7") is JobState.RUNNING


def test_an_answer_that_does_not_come(
    cluster: Cluster, backend: JobBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for it any more, nor is it taken for that to the next question."""
    monkeypatch.setattr("example_pkg.slurm.TIMEOUT_SECONDS", 1.0)
    script = 'echo $$ >"$CLUSTER/pid"; echo please hold the line >&2; exec sleep 60'
    cluster.answers("squeue", script)
    with pytest.raises(SlurmError, match=r"not answered for .* please hold"):
        backend.status("7")
    stat = Path("/proc", cluster.read("pid").strip(), "stat")
    deadline = time.monotonic() + 30
    while stat.exists() and ") Z " not in stat.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    monkeypatch.setattr("example_pkg.slurm.TIMEOUT_SECONDS", 60)
    cluster.answers("squeue", "echo 7 RUNNING")
    assert backend.status("7") is JobState.RUNNING
