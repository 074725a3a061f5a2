"""Processes of this machine, as jobs. Few of them are steps, so few need ZenML."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from socket import gethostname
from typing import NoReturn

import pytest

from example_pkg import backend as backends
from example_pkg.backend import AcmeBackend
from example_pkg.config import (
    AcmeOrchestratorConfig,
)
from example_pkg.core import lifeline
from example_pkg.core.jobs import Job, JobState, OutOfReachError
from example_pkg.core.supervised import NotAcceptedError
from example_pkg.core.warm_client import WarmClient
from example_pkg.core.warm_start import PROGRAM

PATIENCE_SECONDS = 60

PARENT = "import os, time; print(os.getppid(), flush=True); time.sleep(60)"
UNTIL_RELEASED = "import pathlib, time\nwhile not pathlib.Path('{}').exists(): time.sleep(0.02)"
STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); "


@pytest.fixture
def backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AcmeBackend:
    """A backend for two jobs at once, whose files are in a directory of the test."""
    monkeypatch.setenv("ZENML_LOCAL_STORES_PATH", str(tmp_path))
    monkeypatch.setattr(WarmClient, "_connect", no_server)
    config = AcmeOrchestratorConfig(
        max_parallel_steps=2, cpus=4, gpu_devices="x,y", stop_grace_seconds=0.2
    )
    return AcmeBackend(config)


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """The file that ends jobs, once it is there."""
    return tmp_path / "release"


def no_server(self: WarmClient) -> NoReturn:
    """Find no warm server: these jobs would not be forked in any case."""
    raise NotAcceptedError


def a_step(name: str, code: str, gpus: int | None = None) -> Job:
    """Describe a job that runs a line of Python."""
    return Job(
        name=name,
        command=(sys.executable, "-c", code),
        environment={"SAID": "it's\n$HOME"},
        labels={"role": "step", "run_id": "a-run"},
        gpus=gpus,
    )


def end(backend: AcmeBackend, job_id: str) -> JobState:
    """Wait for the end of a job."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (state := backend.status(job_id)).is_ended and time.monotonic() < deadline:
        backend.wait([job_id], 1.0)
    return state


def output(backend: AcmeBackend, job_id: str) -> str:
    """Read what a job has printed; a queued one has printed nothing."""
    log = Path(backend.log_location(job_id))
    return log.read_text() if log.exists() else ""


def wait_for_output(backend: AcmeBackend, job_id: str) -> None:
    """Wait until a job has printed something."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not output(backend, job_id) and time.monotonic() < deadline:
        time.sleep(0.02)


def test_a_job_runs_with_its_environment(backend: AcmeBackend) -> None:
    """Values arrive verbatim, and the output lies where nobody else can read it."""
    job_id = backend.submit(a_step("a", "import os; print(os.environ['SAID'])"))
    assert end(backend, job_id) == JobState.SUCCEEDED
    assert output(backend, job_id) == "it's\n$HOME\n"
    log = Path(backend.log_location(job_id))
    assert log.stat().st_mode & 0o777 == 0o600
    assert log.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("code", ["raise SystemExit(3)", "import os; os.kill(os.getpid(), 9)"])
def test_a_job_that_fails_or_is_killed_has_failed(
    backend: AcmeBackend,
    code: str,
) -> None:
    """Both are noticed without the job's help."""
    assert end(backend, backend.submit(a_step("a", code))) == JobState.FAILED


def test_jobs_wait_for_their_turn(backend: AcmeBackend, release: Path) -> None:
    """Two run, the third is queued; then it runs as well."""
    jobs = [backend.submit(a_step(name, UNTIL_RELEASED.format(release))) for name in "abc"]
    states = [backend.status(job_id) for job_id in jobs]
    release.touch()
    assert states == [JobState.RUNNING, JobState.RUNNING, JobState.QUEUED]
    assert [end(backend, job_id) for job_id in jobs] == [JobState.SUCCEEDED] * 3


def test_a_queued_job_is_cancelled_before_it_starts(backend: AcmeBackend) -> None:
    """It leaves no process and no output."""
    sleeper = "import time; time.sleep(60)"
    running = [backend.submit(a_step(name, sleeper)) for name in "ab"]
    queued = backend.submit(a_step("c", sleeper))
    for job_id in [queued, *running]:
        backend.cancel(job_id)
    assert backend.status(queued) == JobState.CANCELLED
    assert not Path(backend.log_location(queued)).exists()
    assert [end(backend, job_id) for job_id in running] == [JobState.CANCELLED] * 2


def test_a_job_that_ignores_sigterm_is_killed(backend: AcmeBackend) -> None:
    """After the time that the configuration grants."""
    job_id = backend.submit(a_step("a", STUBBORN + "time.sleep(60)"))
    wait_for_output(backend, job_id)
    backend.cancel(job_id)
    assert end(backend, job_id) == JobState.CANCELLED


def test_devices_are_handed_out(backend: AcmeBackend, release: Path) -> None:
    """A job sees the GPUs that it was given; with 0, none."""
    show = "import os; print(os.environ.get('CUDA_VISIBLE_DEVICES'))\n"
    show += UNTIL_RELEASED.format(release)
    jobs = [backend.submit(a_step(name, show, gpus=1)) for name in "ab"]
    none = backend.submit(a_step("c", show, gpus=0))
    release.touch()
    for job_id in [*jobs, none]:
        end(backend, job_id)
    assert [output(backend, job_id) for job_id in [*jobs, none]] == ["x\n", "y\n", "\n"]


def test_another_process_sees_who_lives(
    backend: AcmeBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can't say how a job has ended, but that it has; and it can end it.

    Also one whose ZenML keeps its files elsewhere, as that of a ZenML server does.
    """
    job_id = backend.submit(a_step("a", "import time; print('up', flush=True); time.sleep(60)"))
    wait_for_output(backend, job_id)
    monkeypatch.setenv("ZENML_LOCAL_STORES_PATH", str(tmp_path / "elsewhere"))
    stranger = AcmeBackend(backend.config)
    assert stranger.status(job_id) == JobState.RUNNING
    stranger.cancel(job_id)
    assert end(stranger, job_id) == JobState.UNKNOWN
    assert stranger.status(f"{job_id}-never-was") == JobState.UNKNOWN


def test_another_machine_says_where_to_go(
    backend: AcmeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes nothing for dead that it can't see."""
    job_id = backend.submit(a_step("a", "import time; time.sleep(60)"))
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(backends, "gethostname", lambda: "elsewhere")
        stranger = AcmeBackend(backend.config)
        for method in (stranger.status, stranger.cancel):
            with pytest.raises(OutOfReachError, match=rf"machine {gethostname()}, .* elsewhere"):
                method(job_id)
    backend.cancel(job_id)
    assert end(backend, job_id) == JobState.CANCELLED


def test_a_job_whose_supervisor_is_killed(backend: AcmeBackend) -> None:
    """It is known as long as it lives, and can be ended; how it has ended nobody knows."""
    job_id = backend.submit(a_step("a", PARENT))
    wait_for_output(backend, job_id)
    os.kill(int(output(backend, job_id)), signal.SIGKILL)
    backend.wait([job_id], 5.0)
    assert backend.status(job_id) == JobState.RUNNING
    backend.cancel(job_id)
    assert end(backend, job_id) == JobState.FAILED


def test_what_waits_for_steps_gets_longer_than_they(backend: AcmeBackend) -> None:
    """A coordinator that is stopped has to see its steps end, and to record how."""
    step = a_step("a", "")
    coordinator = replace(step, name="b", labels={**step.labels, "role": "coordinator"})
    seconds = []
    for job in (step, coordinator):
        job_id = backend.submit(replace(job, command=(sys.executable, "-m", "this")))
        record = backend._file(job_id, "alive")
        seconds.append(json.loads(record.read_text())["grace_seconds"])
        end(backend, job_id)
    assert seconds[1] >= seconds[0] + 30


CONTROL_JOB = """
import sys
from test_backend import *

def main():
    backend = AcmeBackend(AcmeOrchestratorConfig())
    labels = {"role": "step", "run_id": sys.argv[1]}
    command = (sys.executable, "-m", PROGRAM, "a_step")
    for variables in ({}, {"ANY_OTHER": "1"}):
        job_id = backend.submit(Job(f"step-{len(variables)}", command, variables, labels=labels))
        end(backend, job_id)
        print(output(backend, job_id).strip())
"""

A_STEP = """
import sys
def main():
    print("zenml.client" in sys.modules)
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Programs of jobs."""
    (tmp_path / "a_control_job.py").write_text(CONTROL_JOB)
    (tmp_path / "a_step.py").write_text(A_STEP)
    folders = [str(tmp_path), str(Path(__file__).parent), *sys.path]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(folders))
    monkeypatch.setenv("ZENML_LOCAL_STORES_PATH", str(tmp_path))
    yield
    shutil.rmtree(tmp_path / "acme_flavor_jobs")


@pytest.mark.usefixtures("programs")
def test_the_jobs_of_runs_are_forks_of_one_process(tmp_path: Path) -> None:
    """It has imported ZenML. A step with a variable that something may have read is no fork."""
    for run_id in ("a-run", "another-run"):
        backend = AcmeBackend(AcmeOrchestratorConfig())
        labels = {"role": "coordinator", "run_id": run_id}
        command = (sys.executable, "-m", PROGRAM, "a_control_job", run_id)
        job_id = backend.submit(Job("control", command, {}, labels=labels))
        assert end(backend, job_id) == JobState.SUCCEEDED, output(backend, job_id)
        assert output(backend, job_id).split()[-2:] == ["True", "False"]
    files = (tmp_path / "acme_flavor_jobs" / "warm").iterdir()
    assert len([path for path in files if path.is_socket()]) == 1


def test_old_files_are_removed(backend: AcmeBackend, tmp_path: Path) -> None:
    """When another run begins: those of runs that ended some days ago, and of no other."""
    for run in ("old", "recent", "alive"):
        folder = tmp_path / "acme_flavor_jobs" / run
        folder.mkdir(parents=True)
        (folder / "a.log").touch()
        record = lifeline.hold(folder / "a.alive")
        lifeline.sign(record, os.getpid() if run == "alive" else 2**22 + 1)
        os.close(record)
        if run != "recent":
            for path in (folder / "a.log", folder / "a.alive", folder):
                os.utime(path, (0, time.time() - 31 * 24 * 3600))
    step = a_step("a", "")
    backend.submit(replace(step, labels={**step.labels, "role": "coordinator"}))
    left = {path.name for path in (tmp_path / "acme_flavor_jobs").iterdir()}
    assert left == {"recent", "alive", "a-run"}
