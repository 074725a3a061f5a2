"""The backend on a real Ray, which the tests start for themselves on this machine."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from example_pkg.backend import AcmeBackend
from example_pkg.cluster import RayError
from example_pkg.config import (
    AcmeOrchestratorConfig,
    AcmeOrchestratorSettings,
)
from example_pkg.core.jobs import Job, JobState
from example_pkg.core.warm_start import PROGRAM

PATIENCE_SECONDS = 120
NASTY = """it's "quoted"\n$HOME `id` \\ ☃ """ + "x" * 4096
SHOW = "import os; print(ascii([os.environ.get(n) for n in ('NASTY', 'EMPTY', 'LARGE')]))"
LISTEN = (
    "import signal, time; signal.signal(15, lambda *_: exit('told')); print('up', flush=True)\n"
    "time.sleep(100)"
)
DEAF = LISTEN.replace("lambda *_: exit('told')", "signal.SIG_IGN")


@pytest.fixture(scope="module")
def backend() -> Iterator[AcmeBackend]:
    """A backend with a Ray of its own, which ends with the connection."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("RAY_")]:
            patch.delenv(name)
        config = AcmeOrchestratorConfig(
            address="local",
            stop_grace_seconds=1,
        )
        backend = AcmeBackend(config)
        yield backend
        backend.cluster.close()


def submit(backend: AcmeBackend, code: str, **fields: Any) -> str:
    """Submit a job that runs Python; return its id."""
    settings = AcmeOrchestratorSettings(**fields.pop("settings", {}))
    known = {
        "name": f"a-job-{time.time_ns()}",
        "command": (sys.executable, "-c", code),
        "environment": {},
        "labels": {"role": "step", "run_id": "4711"},
    }
    job = Job(**{**known, "settings": settings, **fields})
    backend.check(job)
    return backend.submit(job)


def end(backend: AcmeBackend, job_id: str) -> JobState:
    """Wait for the end of a job; return its state."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (state := backend.status(job_id)).is_ended:
        assert time.monotonic() < deadline, "it does not end"
        backend.wait([job_id], 5)
    return state


def output(backend: AcmeBackend, job_id: str) -> str:
    """Read what a job that has started has printed so far."""
    location = backend.log_location(job_id)
    assert location is not None
    log = Path(location.partition(":")[2])
    return log.read_text() if log.exists() else ""


def wait_for_output(backend: AcmeBackend, job_id: str) -> None:
    """Wait until a job has printed something."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while backend.status(job_id) == JobState.QUEUED or not output(backend, job_id):
        assert time.monotonic() < deadline, "it prints nothing"
        time.sleep(0.1)


def test_the_environment_arrives_verbatim(backend: AcmeBackend) -> None:
    """Quotes, newlines, what a shell would expand, nothing at all, and a great deal."""
    values = {"NASTY": NASTY, "EMPTY": "", "LARGE": "y" * 100_000}
    job_id = submit(backend, SHOW, environment=values)
    assert end(backend, job_id) == JobState.SUCCEEDED
    assert output(backend, job_id).strip() == ascii(list(values.values()))


def test_how_a_job_has_ended(backend: AcmeBackend) -> None:
    """Its exit code counts; what has never been submitted is unknown."""
    good, bad = submit(backend, "exit(0)"), submit(backend, "exit(3)")
    dead = submit(backend, "import os; os.kill(os.getpid(), 9)")
    states = [end(backend, job_id) for job_id in (good, bad, dead)]
    assert states == [JobState.SUCCEEDED, JobState.FAILED, JobState.FAILED]
    assert backend.status("zenml-4711/nonesuch") == JobState.UNKNOWN
    assert backend.status("zenml-4712/nonesuch") == JobState.UNKNOWN


@pytest.mark.parametrize("code", [LISTEN, DEAF])
def test_a_stopped_job_ends(backend: AcmeBackend, code: str) -> None:
    """SIGTERM reaches Python; what does not listen is killed."""
    job_id = submit(backend, code)
    wait_for_output(backend, job_id)
    backend.cancel(job_id)
    assert end(backend, job_id) == JobState.CANCELLED
    assert ("told" in output(backend, job_id)) == (code == LISTEN)


def test_a_queued_job_never_starts(backend: AcmeBackend) -> None:
    """It waits for what another one has, and is cancelled meanwhile. Twice is harmless."""
    (node,) = backend.cluster.call("nodes")
    first = submit(backend, LISTEN, cpu=node["CPU"])
    wait_for_output(backend, first)
    second = submit(backend, LISTEN)
    assert backend.status(second) == JobState.QUEUED
    for job_id in (second, second, first, first):
        backend.cancel(job_id)
    assert [end(backend, first), end(backend, second)] == [JobState.CANCELLED] * 2
    assert backend.log_location(second) is None


def test_what_a_job_has_started_ends_with_it(backend: AcmeBackend) -> None:
    """Others get its resources then."""
    sleep = "import subprocess, sys; print(subprocess.Popen(['sleep', '1000']).pid)"
    job_id = submit(backend, sleep)
    assert end(backend, job_id) == JobState.SUCCEEDED
    status = Path(f"/proc/{output(backend, job_id).strip()}/status")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while status.exists() and "zombie" not in status.read_text():
        assert time.monotonic() < deadline, "it is still there"
        time.sleep(0.1)


def test_jobs_are_forked_where_that_is_as_good(
    backend: AcmeBackend,
    tmp_path: Path,
) -> None:
    """ZenML is there already; not so in a job with a variable that something may have read."""
    program = "import sys\ndef main(): print('zenml.client' in sys.modules)"
    (tmp_path / "a_program.py").write_text(program)
    path = {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    run = {"role": "step", "run_id": "forked"}
    command = (sys.executable, "-m", PROGRAM, "a_program")
    printed = []
    for changes in ({}, {"ZENML_STORE_API_TOKEN": "another"}, {"ANY_OTHER": "1"}):
        job_id = submit(
            backend, "", command=command, environment={**path, **changes}, labels=run, gpus=0
        )
        assert end(backend, job_id) == JobState.SUCCEEDED, output(backend, job_id)
        printed.append(output(backend, job_id).strip())
    assert printed == ["True", "True", "False"]


def test_jobs_run_where_they_can_not_be_forked(
    backend: AcmeBackend,
    tmp_path: Path,
) -> None:
    """Another user has the directory that the socket would be in: there is no fork server."""
    location = backend.log_location(submit(backend, "print('started')"))
    assert location is not None
    directory = Path(location.partition(":")[2]).parents[1] / "zenml"
    directory.rename(tmp_path / "kept")
    directory.symlink_to(tmp_path / "kept")
    try:
        job_id = submit(backend, "print('alone')")
        assert end(backend, job_id) == JobState.SUCCEEDED
        assert output(backend, job_id) == "alone\n"
    finally:
        directory.unlink()
        (tmp_path / "kept").rename(directory)


def test_an_interpreter_that_is_not_there(backend: AcmeBackend) -> None:
    """The job fails, and the backend says why."""
    command = (sys.executable, "-m", "nonesuch")
    job_id = submit(backend, "", command=command, settings={"python": "/nonesuch/python"})
    assert end(backend, job_id) == JobState.FAILED
    assert "/nonesuch/python" in (backend.reason(job_id) or "")


def test_a_ray_that_can_not_be_reached() -> None:
    """The caller can ask again: nothing is known about the job."""
    config = AcmeOrchestratorConfig(address="127.0.0.1:1")
    backend = AcmeBackend(config)
    with pytest.raises(RayError, match="Ray can't be reached"):
        backend.status("zenml-4711/a-job")
