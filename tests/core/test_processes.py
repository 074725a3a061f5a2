"""Runs in real processes on this machine: what becomes of them when somebody interferes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pipelines import isolated, isolated_lingering, lingering
from test_orchestrator import last_run, run, statuses
from zenml.client import Client
from zenml.pipelines.pipeline_definition import Pipeline
from zenml.utils.run_utils import refresh_run_status, stop_run

from example_pkg.backend import AcmeBackend
from example_pkg.config import AcmeOrchestratorConfig
from example_pkg.job_notes import run_jobs

pytestmark = pytest.mark.usefixtures("client")

PATIENCE_SECONDS = 120
ASYNCHRONOUS = {"orchestrator": {"synchronous": False}}


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it has not happened"
        time.sleep(0.05)


def test_a_step_apart_runs_in_a_process_of_its_own() -> None:
    """And its output reaches the store of the client."""
    ended = run(isolated)
    assert set(statuses(ended).values()) == {"completed"}
    assert ended.steps["apart"].output.load() == 2


@pytest.mark.parametrize("pipeline", [lingering, isolated_lingering])
def test_a_stop_reaches_the_step_itself(pipeline: Pipeline, tmp_path: Path) -> None:
    """It has time to tidy up, says itself that it was stopped, and leaves no process behind."""
    parameters = {"folder": str(tmp_path)}
    started = run(pipeline.with_options(parameters=parameters, settings=ASYNCHRONOUS))
    wait_until((tmp_path / "running").exists)
    stop_run(started)
    assert (tmp_path / "ended").exists()
    assert statuses(last_run()) == {"": "stopped", "linger": "stopped"}
    stranger = AcmeBackend(AcmeOrchestratorConfig())
    assert all(stranger.status(job_id).is_ended for job_id in run_jobs(last_run()).ids)


def test_a_step_apart_outlives_its_pipeline(tmp_path: Path) -> None:
    """What has died is failed by a refresh, once nothing of the run is alive any more."""
    parameters = {"folder": str(tmp_path)}
    started = run(isolated_lingering.with_options(parameters=parameters, settings=ASYNCHRONOUS))
    wait_until((tmp_path / "running").exists)
    stranger = AcmeBackend(AcmeOrchestratorConfig())
    pipeline, step = run_jobs(Client().get_pipeline_run(started.id)).ids
    pid = stranger._holder(pipeline)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: stranger.status(pipeline).is_ended)
    refresh_run_status(last_run())
    assert last_run().in_progress

    (tmp_path / "enough").touch()
    wait_until(lambda: stranger.status(step).is_ended)
    refresh_run_status(last_run())
    assert statuses(last_run()) == {"": "failed", "linger": "completed"}
