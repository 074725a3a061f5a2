"""Runs in real processes: what becomes of them when one is interfered with."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from zenml.client import Client
from zenml.orchestrators import BaseOrchestratorConfig
from zenml.pipelines.pipeline_definition import Pipeline
from zenml.utils.run_utils import refresh_run_status, stop_run

from zenml_conformance.core.registry import run_jobs

from .pipelines import isolated, isolated_lingering, lingering
from .process_backend import FOLDER, WARM, ProcessBackend
from .runs import last_run, run, start, statuses

PATIENCE_SECONDS = 120


@pytest.fixture(scope="module", autouse=True)
def folder(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Activate the stack, and say where its backend keeps its files."""
    client.activate_stack("processes")
    folder = tmp_path_factory.mktemp("jobs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER, str(folder))
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        yield
        shutil.rmtree(folder / WARM)  # The server ends.


@pytest.fixture
def backend() -> ProcessBackend:
    """Another instance than that of the orchestrator: it knows no more than a stranger's."""
    return ProcessBackend(BaseOrchestratorConfig())


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it has not happened"
        time.sleep(0.05)


def test_an_isolated_step_runs_in_a_process_of_its_own() -> None:
    """And its output reaches the store of the client."""
    ended = run(isolated)
    assert set(statuses(ended).values()) == {"completed"}
    assert ended.steps["apart"].output.load() == 2


@pytest.mark.parametrize("pipeline", [lingering, isolated_lingering])
def test_a_stop_reaches_the_step_itself(
    pipeline: Pipeline, backend: ProcessBackend, tmp_path: Path
) -> None:
    """It has time to tidy up, says itself that it was stopped, and leaves no process behind."""
    started = start(pipeline.with_options(parameters={"folder": str(tmp_path)}))
    wait_until((tmp_path / "running").exists)
    stop_run(started)
    assert (tmp_path / "ended").exists()
    assert statuses(last_run()) == {"": "stopped", "linger": "stopped"}
    assert all(backend.status(job_id).is_ended for job_id in run_jobs(last_run()).ids)


def test_an_isolated_step_outlives_its_pipeline(backend: ProcessBackend, tmp_path: Path) -> None:
    """What has died is failed by a refresh, once nothing of the run is alive any more."""
    started = start(isolated_lingering.with_options(parameters={"folder": str(tmp_path)}))
    wait_until((tmp_path / "running").exists)
    pipeline, step = run_jobs(Client().get_pipeline_run(started.id)).ids
    pid = backend.process(pipeline)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: backend.status(pipeline).is_ended)
    refresh_run_status(last_run())
    assert last_run().in_progress

    (tmp_path / "enough").touch()
    wait_until(lambda: backend.status(step).is_ended)
    refresh_run_status(last_run())
    assert statuses(last_run()) == {"": "failed", "linger": "completed"}
