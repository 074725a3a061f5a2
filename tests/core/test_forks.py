"""Jobs that are forked from a process which has imported ZenML: nobody can tell."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from zenml_conformance.core import lifeline
from zenml_conformance.core.supervised import SupervisedProcess
from zenml_conformance.core.warm_client import WarmClient
from zenml_conformance.core.warm_start import PROGRAM, server_environment

PATIENCE_SECONDS = 120


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarmClient]:
    """The way to a server, which finds the programs here."""
    folder = tmp_path_factory.mktemp("server") / "warm"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), *sys.path]))
        environment = server_environment(os.environ)
        yield WarmClient.find(folder, sys.executable, environment, os.getcwd(), 600.0)
        shutil.rmtree(folder)  # The server ends.


@pytest.fixture
def cold(client: WarmClient, tmp_path: Path) -> WarmClient:
    """The same without a server: there is no folder for its socket."""
    return replace(client, path=tmp_path / "no" / "warm" / "socket")


@dataclass
class Job:
    """A job, and the file that it prints to."""

    process: SupervisedProcess
    log: Path

    def end(self) -> str:
        """Wait for its end; return what it has printed."""
        assert self.process.wait(PATIENCE_SECONDS) is not None, "it does not end"
        return self.log.read_text()

    def first_line(self) -> str:
        """Wait until it has printed a line."""
        wait_for("its first line", lambda: "\n" in self.log.read_text())
        return self.log.read_text().splitlines()[0]


Start = Callable[..., Job]


@pytest.fixture
def start(client: WarmClient, cold: WarmClient, tmp_path: Path) -> Start:
    """Start a program of `programs.py`."""

    def start(*arguments: str, forked: bool = True, **request: Any) -> Job:
        log = tmp_path / f"{len(os.listdir(tmp_path))}.log"
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        job = {
            "command": [sys.executable, "-m", PROGRAM, "start_program", *arguments],
            "environment": dict(os.environ),
            "directory": str(tmp_path),
            **request,
        }
        process = (client if forked else cold).start(job, output)
        os.close(output)
        return Job(process, log)

    return start


def wait_for(what: str, condition: Callable[[], bool]) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{what}: it has not come"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Say whether a process is there and has not ended."""
    return lifeline._start(pid) is not None


def test_a_fork_looks_like_a_new_interpreter(start: Start) -> None:
    """In all that a program can easily ask for."""
    forked, new = start("show"), start("show", forked=False)
    assert json.loads(forked.end()) == json.loads(new.end())


@pytest.mark.parametrize("forked", [True, False])
@pytest.mark.parametrize(
    ("program", "code", "printed"),
    [
        ("pool", 0, "[2, 1]\n"),
        ("thread", 0, "the thread has ended\n"),
        ("exits", 0, "the thread has ended\nthe program has ended\n"),
        ("fails", 1, "ValueError: it fails\n"),
        ("leaves", 1, "it leaves\n"),
    ],
)
def test_a_job_ends_as_an_interpreter_does(
    start: Start, program: str, code: int, printed: str, forked: bool
) -> None:
    """Threads first, then what was registered for the end, then what has not been written yet."""
    job = start(program, forked=forked)
    assert job.end().endswith(printed)
    assert job.process.code == code


@pytest.mark.parametrize("forked", [True, False])
def test_a_file_that_nobody_closes_is_written(start: Start, tmp_path: Path, forked: bool) -> None:
    """Python does so when it takes modules apart."""
    start("unwritten", str(tmp_path / "file"), forked=forked).end()
    assert (tmp_path / "file").read_text() == "written"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux finds orphans")
@pytest.mark.parametrize("program", ["helper", "daemon"])
def test_what_a_job_has_started_ends_with_it(start: Start, program: str) -> None:
    """Also what has left the job's session."""
    job = start(program)
    pid = int(job.first_line())
    job.end()
    assert not is_alive(pid)


def test_jobs_that_live_do_not_need_the_server(start: Start) -> None:
    """It is killed: they are known, can be ended, and how they end is told. Others start."""
    jobs = [start("sleeps"), start("sleeps"), start("helper")]
    pids = [int(job.first_line()) for job in jobs[:2]]
    supervisors = [psutil.Process(pid).parent() for pid in pids]
    (server,) = {supervisor.parent() for supervisor in supervisors if supervisor}
    assert server is not None
    server.kill()
    after = start("show")
    assert json.loads(after.end())["leads"] == [True, True]
    assert all(map(is_alive, pids))
    jobs[0].process.signal(signal.SIGTERM)
    jobs[1].process.signal(signal.SIGKILL)
    for job in jobs:
        job.end()
    assert [job.process.code for job in jobs] == [-signal.SIGTERM, -signal.SIGKILL, 0]


def test_jobs_have_nothing_of_earlier_jobs(start: Start) -> None:
    """Each opens the store that its own environment names."""
    urls = ["https://first.example.org", "https://second.example.org"]
    for url in urls:
        variables = {"ZENML_STORE_TYPE": "rest", "ZENML_STORE_URL": url}
        job = start("store", environment={**os.environ, **variables})
        assert job.end().splitlines()[-1] == url


def test_a_job_outlives_the_other_end_if_it_may(start: Start) -> None:
    """Else it is killed, since nobody is left who knows of it."""
    jobs = [start("sleeps", outlives_connection=outlives) for outlives in (True, False)]
    stays, goes = (int(job.first_line()) for job in jobs)
    for job in jobs:
        job.process.close()
    wait_for("the end of a job that nobody knows", lambda: not is_alive(goes))
    assert is_alive(stays)
    os.kill(stays, signal.SIGKILL)


@pytest.mark.parametrize("forked", [True, False])
def test_the_configuration_of_a_killed_job_is_removed(start: Start, forked: bool) -> None:
    """It could not do so itself."""
    show = "import os, time; print(os.environ['ZENML_CONFIG_PATH'], flush=True); time.sleep(600)"
    job = start(command=[sys.executable, "-c", show], forked=forked)
    directory = Path(job.first_line())
    assert directory.stat().st_mode & 0o777 == 0o700
    job.process.signal(signal.SIGKILL)
    job.end()
    assert not directory.exists()


def test_a_deaf_job_is_killed(start: Start) -> None:
    """By its supervisor, when its time is up."""
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True)"
    command = [sys.executable, "-c", f"{deaf}; time.sleep(600)"]
    job = start(command=command, grace_seconds=0.2)
    assert job.first_line() == "up"
    job.process.signal(signal.SIGTERM)
    job.end()
    assert job.process.code == -signal.SIGKILL
