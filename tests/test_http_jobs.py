"""The tutorial's job server keeps what its description promises."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from engines import ROOT
from real_engine import DEAF, ENVIRONMENT, LISTEN, SHOW, SLEEP, wait_for

SERVER = ROOT / "examples" / "http_jobs" / "server.py"
TOKEN = "not-to-be-seen-4711"  # noqa: S105 - of a server of this test's
SECONDS = 30


class RunningServer:
    """A server of a test's own, and requests to it."""

    def __init__(self, directory: Path) -> None:
        """Start it, on a port that is free."""
        command = [sys.executable, str(SERVER), "--directory", str(directory)]
        self.process = subprocess.Popen(
            command,
            env={**os.environ, "HTTP_JOBS_TOKEN": TOKEN},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        first_line = self.process.stdout.readline()
        assert first_line.startswith("Listening on http://127.0.0.1:"), first_line
        self.address = first_line.split()[-1]

    def ask(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """Send a request with the token."""
        return requests.request(
            method,
            f"{self.address}{path}",
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=SECONDS,
            **arguments,
        )

    def start(self, name: str, code: str, **fields: Any) -> str:
        """Start a line of Python as a job; return its id."""
        body = {"name": name, "command": [sys.executable, "-c", code], **fields}
        answer = self.ask("POST", "/jobs", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def printed(self, job_id: str) -> str:
        """Return what a job has printed so far."""
        return self.ask("GET", f"/jobs/{job_id}/output").text

    def wait_for_output(self, job_id: str) -> None:
        """Wait until a job says that it is up."""
        wait_for(f"output of {job_id}", lambda: "up" in self.printed(job_id), SECONDS)

    def end(self, job_id: str) -> tuple[str, int | None]:
        """Wait for the end of a job; return its state and exit code."""

        def job() -> dict[str, Any]:
            return dict(self.ask("GET", f"/jobs/{job_id}").json())

        wait_for(f"the end of {job_id}", lambda: job()["state"] != "running", SECONDS)
        return job()["state"], job()["exit_code"]

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Stop it, and wait for that."""
        self.process.send_signal(number)
        self.process.wait(SECONDS)
        assert self.process.stdout
        self.process.stdout.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    """A server."""
    server = RunningServer(tmp_path / "jobs")
    yield server
    if server.process.poll() is None:
        server.stop()


def test_a_job_gets_its_environment_as_it_is(server: RunningServer) -> None:
    """Whatever is in it; the server's own token is not."""
    job_id = server.start("a-job", SHOW, environment=ENVIRONMENT)
    assert server.end(job_id) == ("succeeded", 0)
    assert server.printed(job_id).strip() == ascii(ENVIRONMENT)
    job_id = server.start("another", "import os; print('HTTP_JOBS_TOKEN' in os.environ)")
    server.end(job_id)
    assert server.printed(job_id) == "False\n"


def test_a_secret_is_in_no_file(server: RunningServer, tmp_path: Path) -> None:
    """Neither a job's environment nor the token; and nobody else can read the files."""
    job_id = server.start("a-job", "print('here')", environment={"SECRET": "of-a-job-4711"})
    server.end(job_id)
    files = [*(tmp_path / "jobs").iterdir()]
    assert {path.suffix for path in files} == {".json", ".log"}
    assert not any(b"4711" in path.read_bytes() for path in files)
    for path in (tmp_path / "jobs", *files):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path


def test_cancelling(server: RunningServer) -> None:
    """A job is asked to end; one that does not is killed, with the processes that it started."""
    listens = server.start("listens", LISTEN)
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {DEAF!r}])"
    deaf = server.start(
        "deaf", f"import signal; signal.signal(15, signal.SIG_IGN); {child}", grace_seconds=0.2
    )
    for job_id in (listens, deaf):
        server.wait_for_output(job_id)
        for _ in range(2):
            assert server.ask("DELETE", f"/jobs/{job_id}").status_code == 202
    assert server.end(listens) == ("cancelled", 1)
    assert "told" in server.printed(listens)
    assert server.end(deaf) == ("cancelled", -signal.SIGKILL)
    assert server.ask("DELETE", f"/jobs/{deaf}").status_code == 202
    assert server.end(deaf) == ("cancelled", -signal.SIGKILL)


def test_one_and_many(server: RunningServer) -> None:
    """By ids and by name; unknown ones are left out."""
    ids = [server.start(name, "raise SystemExit(3)") for name in ("one", "two")]
    for job_id in ids:
        assert server.end(job_id) == ("failed", 3)
    answer = server.ask("GET", "/jobs", params={"id": [*ids, "nonesuch"]})
    assert {job["id"] for job in answer.json()["jobs"]} == {*ids}
    (found,) = server.ask("GET", "/jobs", params={"name": "two"}).json()["jobs"]
    assert found["id"] == ids[1]
    assert server.ask("GET", "/jobs", params={"name": "three"}).json() == {"jobs": []}


GOOD = {"name": "good", "command": ["true"]}


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ([], 400, "not a JSON object"),
        ({**GOOD, "cores": 1}, 400, "'cores'"),
        ({**GOOD, "name": "../x"}, 400, "'../x'"),
        ({**GOOD, "command": "true"}, 400, "command"),
        ({**GOOD, "environment": {"A": 1}}, 400, "environment"),
        ({**GOOD, "grace_seconds": -1}, 400, "-1"),
        ({**GOOD, "command": ["nonesuch"]}, 422, "nonesuch"),
        ({**GOOD, "environment": {"A": "\0"}}, 422, "null byte"),
    ],
)
def test_refusals(server: RunningServer, body: Any, status: int, reason: str) -> None:
    """A refused job is said to be, and why; its name is not taken."""
    answer = server.ask("POST", "/jobs", json=body)
    assert (answer.status_code, reason in answer.text) == (status, True), answer.text
    assert server.ask("POST", "/jobs", json=GOOD).status_code == 201
    assert server.ask("POST", "/jobs", json=GOOD).status_code == 409


def test_the_token_is_needed(server: RunningServer) -> None:
    """No request is granted without it."""
    for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": TOKEN}):
        for method in ("GET", "POST", "DELETE"):
            answer = requests.request(
                method, f"{server.address}/jobs", headers=headers, timeout=SECONDS
            )
            assert answer.status_code == 401


def test_after_its_end(server: RunningServer, tmp_path: Path) -> None:
    """It ends its jobs; one that was killed with them has lost them. The next server knows both."""
    ended = server.start("ended", SLEEP)
    server.stop()
    second = RunningServer(tmp_path / "jobs")
    assert second.end(ended) == ("cancelled", -signal.SIGTERM)
    lost = second.start("lost", "import os; print(os.getpid(), flush=True); " + SLEEP)
    second.wait_for_output(lost)
    second.stop(signal.SIGKILL)
    third = RunningServer(tmp_path / "jobs")
    try:
        assert third.end(lost) == ("lost", None)
        os.kill(int(third.printed(lost).split()[0]), signal.SIGKILL)
        assert third.ask("DELETE", f"/jobs/{lost}").status_code == 202
    finally:
        third.stop()


def test_without_a_token_it_does_not_start(tmp_path: Path) -> None:
    """It says which variable is missing."""
    environment = {k: v for k, v in os.environ.items() if k != "HTTP_JOBS_TOKEN"}
    done = subprocess.run(
        [sys.executable, str(SERVER), "--directory", str(tmp_path / "jobs")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert (done.returncode, "HTTP_JOBS_TOKEN is not set" in done.stderr) == (1, True)
