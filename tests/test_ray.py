"""The pattern `ray` on a real cluster, which `RAY_ADDRESS` leads to.

What needs no cluster that outlives its clients is tested in the generated project, on a Ray that
the tests there start for themselves.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from engines import Engines
from real_engine import GeneratedBackend, generated, needs, wait_for

SLEEP = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"

pytestmark = needs("RAY_ADDRESS")


@pytest.fixture(scope="module", autouse=True)
def project(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A generated project, importable here and in jobs."""
    directory = tmp_path_factory.mktemp("ray")
    with (
        generated(engines, directory, "ray", Cluster.name, "RAY_ADDRESS") as project,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("PYTHONPATH", str(project / "src"), prepend=os.pathsep)
        yield project


class Cluster(GeneratedBackend):
    """A backend of the generated project's, and what tests ask of it."""

    name = "beam"
    patience = 120.0

    def __init__(self, run: str | None = None, **config: Any) -> None:
        """Make a backend.

        Args:
            run: The run that jobs belong to; by default, a new one.
            **config: The configuration of the component.
        """
        super().__init__(**config)
        self.run = run or f"test-{time.time_ns()}"
        self.defaults = {"environment": {}, "labels": {"role": "step", "run_id": self.run}}

    def submit(self, code: str = SLEEP, **fields: Any) -> str:
        """Submit a job that runs a line of Python, as the orchestrator does."""
        return super().submit(code, **fields)

    def end(self, job_id: str) -> str:
        """Wait for the end of a job, as the coordinator does; return its state."""
        deadline = time.monotonic() + self.patience
        while not (state := self.backend.status(job_id)).is_ended:
            assert time.monotonic() < deadline, f"job {job_id} does not end: {state}"
            self.backend.wait([job_id], 5)
        return str(state.value)

    def process(self, job_id: str) -> psutil.Process:
        """Wait until a job says which process it is."""
        deadline = time.monotonic() + self.patience
        while True:
            location = self.backend.log_location(job_id)
            path = Path(location.partition(":")[2]) if location else None
            if path and path.exists() and (text := path.read_text()).endswith("\n"):
                return psutil.Process(int(text))
            assert time.monotonic() < deadline, f"job {job_id} prints nothing"
            time.sleep(0.1)

    def record(self, job_id: str) -> dict[str, Any]:
        """Read what Ray itself has on record about a job that runs; it gets there a while later."""
        code = (
            "import json, sys; from ray.util.state import list_tasks; "
            "tasks = list_tasks(filters=[('name', '=', sys.argv[1])], detail=True); "
            "print(json.dumps([task.__dict__ for task in tasks], default=str))"
        )
        deadline = time.monotonic() + self.patience
        while True:
            tasks: list[dict[str, Any]] = json.loads(ray(code, job_id.partition("/")[2]))
            if tasks and tasks[0]["worker_pid"]:
                (record,) = tasks
                return record
            assert time.monotonic() < deadline, f"Ray has no worker of job {job_id} on record"


def ray(code: str, *arguments: str) -> str:
    """Run a line of Python that uses Ray's own interfaces; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """The cluster, cleared of what a test leaves on it."""
    cluster = Cluster()
    yield cluster
    cluster.cancel_all()
    cluster.backend.cluster.close()


def wait_for_end(process: psutil.Process) -> None:
    """Wait until a process is gone."""
    wait_for(
        f"the end of {process}",
        lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE,
        Cluster.patience,
    )


def test_resources_are_rays(cluster: Cluster) -> None:
    """As Ray has them on record."""
    job_id = cluster.submit(cpu=1.5, memory=5 * 10**8 + 1, gpus=1, gpu_class="A100")
    process = cluster.process(job_id)
    asked = cluster.record(job_id)["required_resources"]
    assert {name: asked[name] for name in ("CPU", "GPU")} == {"CPU": 1.5, "GPU": 1}
    assert asked["memory"] == 5 * 10**8 + 1
    assert cluster.recorded(job_id) == (1.5, 5 * 10**8 + 1, 1)
    assert "accelerator_type:A100" in asked
    assert process.environ()["CUDA_VISIBLE_DEVICES"] in ("0", "1")


def test_the_environment_is_for_the_job_alone(cluster: Cluster) -> None:
    """It is in no record and no log of Ray's, and on no command line."""
    mark = "seen-by-nobody-else"
    job_id = cluster.submit(environment={"TOKEN": mark})
    assert cluster.process(job_id).environ()["TOKEN"] == mark
    assert mark not in str(cluster.record(job_id))
    shown = ray(
        "from ray.util.state import list_actors, list_jobs, list_workers\n"
        "print(list_actors(detail=True, limit=10000), list_jobs(detail=True, limit=10000))\n"
        "print(list_workers(detail=True, limit=10000))"
    )
    assert mark not in shown
    assert not [p for p in psutil.process_iter() if mark in str(_command(p))]
    session = Path(cluster.backend.log_location(job_id).partition(":")[2]).parents[1]
    files = [path for path in session.rglob("*") if path.is_file()]
    assert not [path for path in files if mark.encode() in path.read_bytes()]


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_a_job_outlives_who_has_submitted_it(cluster: Cluster) -> None:
    """Another process, which comes in by Ray's client server, finds it and ends it."""
    first = cluster.submit()
    cluster.process(first)
    cluster.backend.cluster.close()

    ports = Path(os.environ["RAY_AUTH_TOKEN_PATH"]).with_name("ports.json")
    port = json.loads(ports.read_text())["--ray-client-server-port"]
    stranger = Cluster(cluster.run, address=f"ray://127.0.0.1:{port}")
    assert stranger.backend.status(first).value == "running"
    second = stranger.submit("print(6 * 7)")
    assert stranger.end(second) == "succeeded"
    stranger.backend.cancel(first)
    assert stranger.end(first) == "cancelled"
    stranger.backend.cluster.close()


def test_a_job_does_not_outlive_its_worker(cluster: Cluster) -> None:
    """As when Ray's memory monitor kills it, or its node dies: the resources are given away."""
    job_id = cluster.submit()
    process = cluster.process(job_id)
    psutil.Process(cluster.record(job_id)["worker_pid"]).kill()
    assert cluster.end(job_id) == "failed"
    assert "died" in cluster.backend.reason(job_id)
    wait_for_end(process)


def test_a_job_does_not_outlive_its_run(cluster: Cluster) -> None:
    """The jobs of an actor that has died are gone for good, and so they are called."""
    job_id = cluster.submit()
    process = cluster.process(job_id)
    run = job_id.partition("/")[0]
    ray(f"import ray; ray.init(namespace='zenml'); ray.kill(ray.get_actor({run!r}))")
    assert cluster.end(job_id) == "unknown"
    wait_for_end(process)


def test_jobs_with_uploaded_code(cluster: Cluster, tmp_path: Path) -> None:
    """A cluster that shares no files with the client gets the code from Ray, once for a run."""
    (tmp_path / "a_module.py").write_text("print('uploaded')")
    root = str(tmp_path)
    job_id = cluster.submit(
        command=(sys.executable, "-c", "import sys; print(sys.argv)", "--source_root", root),
        settings={"runtime_env": {"working_dir": root}},
    )
    assert cluster.end(job_id) == "succeeded"
    printed = Path(cluster.backend.log_location(job_id).partition(":")[2]).read_text()
    assert root not in printed
    assert "working_dir" in printed
