"""Runs that a user stops."""

from __future__ import annotations

import pytest
from zenml.client import Client
from zenml.enums import ExecutionStatus
from zenml.models import PipelineRunResponse, StepRunRequest, StepRunResponse
from zenml.utils.run_utils import refresh_run_status, stop_run
from zenml.utils.time_utils import utc_now

from zenml_conformance.core import stopping
from zenml_conformance.core.coordinator import CoordinatorTopology
from zenml_conformance.core.jobs import ORCHESTRATION, Job, JobState, OutOfReachError
from zenml_conformance.core.topology import Topology

from .acme import InlineOrchestrator
from .inline_backend import InlineBackend
from .pipelines import isolated, pair
from .runs import last_run, run, start, statuses

# Dynamic pipelines have no other topology.
once = pytest.mark.parametrize("topology", [CoordinatorTopology], indirect=True)


def start_waiting(backend: InlineBackend, topology: type[Topology]) -> PipelineRunResponse:
    """Start a run none of whose jobs gets its turn."""
    backend.queued = {"one", topology.role}
    return start(pair)


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
def test_what_waits_never_starts(
    backend: InlineBackend, topology: type[Topology], graceful: bool
) -> None:
    """All jobs are cancelled, and the run is over."""
    stop_run(start_waiting(backend, topology), graceful=graceful)
    assert statuses(last_run()) == {"": "stopped"}
    assert set(backend.states.values()) == {JobState.CANCELLED}


def test_a_job_that_takes_its_time_to_end_is_waited_for(
    backend: InlineBackend, topology: type[Topology], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A graceful stop, too, leaves a run behind that has ended."""
    waiting = start_waiting(backend, topology)
    cancel, told = backend.cancel, set[str]()
    monkeypatch.setattr(backend, "cancel", told.add)
    monkeypatch.setattr(backend, "wait", lambda job_ids, timeout: [cancel(id) for id in told])
    stop_run(waiting, graceful=True)
    assert statuses(last_run()) == {"": "stopped"}
    assert set(backend.states.values()) == {JobState.CANCELLED}


def test_steps_that_can_not_say_so_are_stopped(
    backend: InlineBackend, topology: type[Topology]
) -> None:
    """Their jobs have ended, and they have not failed."""
    waiting = start_waiting(backend, topology)
    record_running(waiting, "one")
    stop_run(waiting)
    assert statuses(last_run()) == {"": "stopped", "one": "stopped"}


def test_to_stop_twice_is_harmless(backend: InlineBackend, topology: type[Topology]) -> None:
    """Also when the backend has forgotten the jobs by then."""
    stop_run(start_waiting(backend, topology))
    backend.states.clear()
    Client().active_stack.orchestrator._stop_run(last_run())
    assert statuses(last_run()) == {"": "stopped"}


def test_a_stop_during_the_submission_reaches_its_jobs(
    backend: InlineBackend, topology: type[Topology], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process that stops the run can't know jobs that are only just being submitted."""
    submit = backend.submit

    def stopped_meanwhile(job: Job) -> str:
        job_id = submit(job)
        if job.labels["role"] == topology.role:
            stop_run(last_run())
        return job_id

    monkeypatch.setattr(backend, "submit", stopped_meanwhile)
    assert statuses(start_waiting(backend, topology)) == {"": "stopped"}
    assert set(backend.states.values()) == {JobState.CANCELLED}


def test_jobs_that_do_not_end_leave_the_run_to_a_refresh(
    backend: InlineBackend, topology: type[Topology], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message says which, and what to do."""
    waiting = start_waiting(backend, topology)
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


def test_from_where_its_jobs_are_out_of_reach_a_run_stays_as_it_is(
    backend: InlineBackend, topology: type[Topology], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a stop nor a refresh takes what it can't see for dead; a stop is refused."""
    waiting = start_waiting(backend, topology)

    def status(job_id: str) -> JobState:
        raise OutOfReachError(f"{job_id} is on another machine")

    monkeypatch.setattr(backend, "status", status)
    with pytest.raises(OutOfReachError, match="on another machine"):
        stop_run(waiting)
    with pytest.raises(OutOfReachError, match="on another machine"):
        refresh_run_status(last_run())
    assert last_run().status == waiting.status

    monkeypatch.undo()
    stop_run(last_run())
    assert statuses(last_run()) == {"": "stopped"}


@once
@pytest.mark.parametrize("graceful", [False, True])
def test_a_dynamic_pipeline_that_waits_never_starts(backend: InlineBackend, graceful: bool) -> None:
    """Only the orchestrator can publish the status of its run."""
    backend.queued = {ORCHESTRATION}
    stop_run(start(isolated), graceful=graceful)
    assert statuses(last_run()) == {"": "stopped"}
    assert set(backend.states.values()) == {JobState.CANCELLED}


@once
def test_an_isolated_step_that_waits_is_stopped_gracefully(
    backend: InlineBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counts as stopped and not as failed; the pipeline's own job may go on."""
    backend.queued = {"apart"}
    seen: list[str] = []

    def stop_meanwhile(_: object, step: StepRunResponse) -> ExecutionStatus:
        stop_run(last_run(), graceful=True)
        seen.append(Client().get_run_step(step.id).status.value)
        return ExecutionStatus.STOPPED

    monkeypatch.setattr(InlineOrchestrator, "wait_for_isolated_step", stop_meanwhile)
    ended = statuses(run(isolated))
    assert seen == ["stopped"]
    assert ended == {"": "stopped", "one": "completed", "apart": "stopped"}
