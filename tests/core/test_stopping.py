"""Runs that a user stops."""

from __future__ import annotations

import pytest
from inline_backend import InlineBackend
from pipelines import diamond, isolated
from test_orchestrator import backend, last_run, run, statuses
from zenml.client import Client
from zenml.enums import ExecutionStatus
from zenml.models import PipelineRunResponse, StepRunRequest, StepRunResponse
from zenml.utils.run_utils import refresh_run_status, stop_run
from zenml.utils.time_utils import utc_now

from example_pkg import stopping
from example_pkg.job_factory import ORCHESTRATION
from example_pkg.jobs import Job, JobState
from example_pkg.orchestrator import AcmeOrchestrator
from example_pkg.topology import CONTROLLER

__all__ = ["backend"]  # A fixture, used by name.

ASYNCHRONOUS = {"orchestrator": {"synchronous": False}}


def start_waiting(backend: InlineBackend) -> PipelineRunResponse:
    """Start a run none of whose jobs gets its turn."""
    backend.hold = {"one", CONTROLLER, ORCHESTRATION}
    return run(diamond.with_options(settings=ASYNCHRONOUS))


def record_running(run: PipelineRunResponse, step: str) -> None:
    """Let a step say that it runs, and nothing more."""
    Client().zen_store.create_run_step(
        StepRunRequest(
            project=run.project_id,
            name=step,
            pipeline_run_id=run.id,
            status=ExecutionStatus.RUNNING,
            start_time=utc_now(),
        )
    )


@pytest.mark.parametrize("graceful", [False, True])
def test_what_waits_never_starts(backend: InlineBackend, graceful: bool) -> None:
    """All jobs are cancelled, and the run is over."""
    stop_run(start_waiting(backend), graceful=graceful)
    assert statuses(last_run()) == {"": "stopped"}
    assert set(backend.states.values()) == {JobState.CANCELLED}


def test_steps_that_can_not_say_so_are_stopped(backend: InlineBackend) -> None:
    """Their jobs have ended, and they have not failed."""
    waiting = start_waiting(backend)
    record_running(waiting, "one")
    stop_run(waiting)
    assert statuses(last_run()) == {"": "stopped", "one": "stopped"}


def test_to_stop_twice_is_harmless(backend: InlineBackend) -> None:
    """Also when the backend has forgotten the jobs by then."""
    stop_run(start_waiting(backend))
    backend.states.clear()
    Client().active_stack.orchestrator._stop_run(last_run())
    assert statuses(last_run()) == {"": "stopped"}


def test_a_stop_during_the_submission_reaches_its_jobs(
    backend: InlineBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever stops the run can't know jobs that are only just being submitted."""
    submit = backend.submit

    def submit_while_somebody_stops(job: Job) -> str:
        job_id = submit(job)
        if job.labels["role"] == CONTROLLER:
            stop_run(last_run())
        return job_id

    monkeypatch.setattr(backend, "submit", submit_while_somebody_stops)
    assert statuses(start_waiting(backend)) == {"": "stopped"}
    assert set(backend.states.values()) == {JobState.CANCELLED}


def test_jobs_that_do_not_end_leave_the_run_to_a_refresh(
    backend: InlineBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message says which, and what to do."""
    waiting = start_waiting(backend)
    record_running(waiting, "one")
    monkeypatch.setattr(backend, "cancel", lambda job_id: None)
    monkeypatch.setattr(stopping, "PATIENCE_SECONDS", 0.0)
    with pytest.raises(RuntimeError, match=f"refresh {waiting.id}"):
        stop_run(waiting)
    refresh_run_status(last_run())
    assert last_run().status == ExecutionStatus.STOPPING

    backend.states.clear()
    refresh_run_status(last_run())
    assert statuses(last_run()) == {"": "stopped", "one": "stopped"}


@pytest.mark.parametrize("graceful", [False, True])
def test_a_dynamic_pipeline_that_waits_never_starts(backend: InlineBackend, graceful: bool) -> None:
    """The status of its run is nobody's but the orchestrator's to publish."""
    backend.hold = {ORCHESTRATION}
    stop_run(run(isolated.with_options(settings=ASYNCHRONOUS)), graceful=graceful)
    assert statuses(last_run()) == {"": "stopped"}
    assert set(backend.states.values()) == {JobState.CANCELLED}


def test_an_isolated_step_that_waits_is_stopped_gracefully(
    backend: InlineBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counts as stopped and not as failed; the pipeline's own job may go on."""
    backend.hold = {"apart"}
    seen: list[str] = []

    def stop_meanwhile(_: object, step: StepRunResponse) -> ExecutionStatus:
        stop_run(last_run(), graceful=True)
        seen.append(Client().get_run_step(step.id).status.value)
        return ExecutionStatus.STOPPED

    monkeypatch.setattr(AcmeOrchestrator, "wait_for_isolated_step", stop_meanwhile)
    ended = statuses(run(isolated))
    assert seen == ["stopped"]
    assert ended == {"": "stopped", "one": "completed", "apart": "stopped"}
    assert not last_run().in_progress
