"""Runs of static pipelines, from submission to their last status, with both topologies."""

from __future__ import annotations

import os
import sys

import pytest
from zenml.client import Client
from zenml.enums import ExecutionStatus
from zenml.utils.run_utils import refresh_run_status

from zenml_conformance.core import job_main, orchestrator
from zenml_conformance.core.jobs import Job, JobState
from zenml_conformance.core.run_id import RUN_ID_VARIABLE
from zenml_conformance.core.topology import Topology

from .inline_backend import InlineBackend
from .pipelines import broken_branch, diamond, half_cached, pair
from .runs import last_run, run, start, statuses


def test_a_run_completes(backend: InlineBackend) -> None:
    """Each step has one job, and its output reaches the next."""
    ended = run(diamond)
    assert set(statuses(ended).values()) == {"completed"}
    assert ended.steps["last"].output.load() == 4
    assert backend.steps().keys() == {"one", "left", "right", "last"}


def test_all_jobs_belong_to_the_run(backend: InlineBackend, topology: type[Topology]) -> None:
    """The id is ZenML's own of the run, so it is known before any job exists."""
    ended = run(pair)
    assert ended.orchestrator_run_id == str(ended.id)
    ids = {job.environment[RUN_ID_VARIABLE] for job in backend.jobs.values()}
    assert ids == {str(ended.id)}
    assert ended.run_metadata["orchestrator_run_id"] == str(ended.id)
    (control,) = backend.control_jobs()
    assert control.labels["role"] == topology.role
    assert ended.run_metadata["control_job"] == control.name
    assert ended.run_metadata["step_jobs"] == {
        step: job.name for step, job in backend.steps().items()
    }


def test_jobs_share_no_configuration_of_zenml(backend: InlineBackend) -> None:
    """Each has one of its own, and does not look for the client's `.zen`."""
    run(pair)
    for job in backend.jobs.values():
        assert job.command[:3] == (sys.executable, "-m", job_main.__name__)
        assert job.environment["ZENML_REPOSITORY_PATH"] == os.devnull


def test_the_control_job_holds_no_resources_of_a_step(backend: InlineBackend) -> None:
    """It waits most of the time; what the pipeline asks for is meant for each step."""
    resources = {"resources": {"cpu_count": 0.5, "memory": "1GiB"}}
    run(pair.with_options(settings=resources))
    shares = {(job.cpu, job.memory) for job in backend.steps().values()}
    assert shares == {(0.5, 2**30)}
    (control,) = backend.control_jobs()
    assert (control.cpu, control.memory, control.gpus) == (None, None, None)


def test_a_failure_stops_only_what_needs_it(backend: InlineBackend) -> None:
    """The step after the failed one never becomes a record; the branch beside it completes."""
    ended = statuses(run(broken_branch))
    assert ended == {"": "failed", "one": "completed", "fail": "failed", "other": "completed"}


def test_cached_steps_are_not_run_again(backend: InlineBackend) -> None:
    """ZenML has recorded the cached step already; a second record would be refused."""
    run(half_cached)
    backend.jobs.clear()
    assert statuses(run(half_cached)) == {"": "completed", "remembered": "cached"} | {
        "last": "completed"
    }
    assert backend.steps().keys() == {"last"}


def test_a_step_that_never_starts_fails(backend: InlineBackend) -> None:
    """Only the orchestrator can know; without a record the run would never end."""
    backend.never_start = {"left"}
    ended = run(diamond)
    assert statuses(ended) == {
        "": "failed",
        "one": "completed",
        "left": "failed",
        "right": "completed",
    }
    assert "could not start" in str(ended.steps["left"].exception_info)


def test_a_refresh_ends_a_run_whose_control_job_has_died(
    backend: InlineBackend, topology: type[Topology]
) -> None:
    """It works from what the store holds, on an instance that knows nothing else."""
    backend.never_start = {topology.role, "one"}
    stuck = start(pair)
    assert stuck.in_progress
    refresh_run_status(stuck)
    assert statuses(last_run()) == {"": "failed", "one": "failed"}


def test_a_client_that_waits_ends_a_run_whose_control_job_has_died(
    backend: InlineBackend, topology: type[Topology]
) -> None:
    """A user who waits for a run must not be told that it is still running."""
    backend.never_start = {topology.role, "one"}
    assert statuses(run(pair)) == {"": "failed", "one": "failed"}


def test_a_refresh_changes_nothing_while_a_job_is_alive(
    backend: InlineBackend, topology: type[Topology]
) -> None:
    """Nor after the run has ended: steps have reported more than the backend can know."""
    fetch_status = Client().active_stack.orchestrator.fetch_status
    assert fetch_status(run(pair)) == (None, None)
    backend.queued = {topology.role, "one"}
    assert fetch_status(start(pair)) == (None, None)
    assert last_run().in_progress


def test_an_outage_during_a_refresh_does_not_end_the_run(
    backend: InlineBackend, topology: type[Topology], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Jobs that can't be asked about may be alive."""
    backend.never_start = {topology.role, "one"}
    stuck = start(pair)
    with monkeypatch.context() as outage:
        outage.setattr(backend, "status", down)
        refresh_run_status(stuck)
    assert last_run().in_progress
    refresh_run_status(stuck)
    assert not last_run().in_progress


def down(job_id: str) -> JobState:
    """Be the status of a job that can't be had."""
    raise ConnectionError(f"{job_id}: the connection was refused")


def test_an_outage_during_the_run_is_survived(
    backend: InlineBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Coordinator and client ask until the backend answers."""
    status, asked = backend.status, []

    def sometimes_down(job_id: str) -> JobState:
        asked.append(job_id)
        return down(job_id) if len(asked) % 3 else status(job_id)

    monkeypatch.setattr(backend, "status", sometimes_down)
    assert set(statuses(run(pair)).values()) == {"completed"}


def test_submissions_without_a_record_are_runs_of_their_own(backend: InlineBackend) -> None:
    """Steps of the second would collide with those of the first if the two had one id."""
    snapshot = run(pair).snapshot
    assert snapshot is not None
    stack = Client().active_stack
    for _ in range(2):
        stack.orchestrator.run(Client().get_snapshot(snapshot.id), stack)
    runs = Client().list_pipeline_runs(snapshot_id=snapshot.id).items
    assert [started.status.value for started in runs] == ["completed"] * 3
    assert len({started.orchestrator_run_id for started in runs}) == 3


def test_a_refused_step_stops_the_run_before_any_job_exists(
    backend: InlineBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the step; the run does not stay behind as if it would still start."""

    def check(job: Job) -> None:
        if job.labels.get("step") == "last":
            raise ValueError("it is too large")

    monkeypatch.setattr(backend, "check", check)
    with pytest.raises(ValueError, match="Step `last` can't run here: it is too large"):
        run(pair)
    assert not backend.jobs
    assert statuses(last_run())[""] == "failed"


def test_a_control_job_that_is_not_accepted_is_an_error_of_the_submission(
    backend: InlineBackend, topology: type[Topology]
) -> None:
    """The backend's own words reach the user, and neither the run nor a job goes on."""
    backend.queued, backend.refuse = {"one"}, {topology.role}
    with pytest.raises(RuntimeError, match="the queue is closed"):
        run(pair)
    assert statuses(last_run())[""] == "failed"
    assert set(backend.states.values()) <= {JobState.CANCELLED}


def test_jobs_whose_answers_are_lost_are_not_submitted_again(
    backend: InlineBackend, topology: type[Topology], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are found by their names, and registered like all others."""
    monkeypatch.setattr("zenml_conformance.core.outages.PAUSES_SECONDS", (0,))
    backend.lose = {topology.role, "one", "last"}
    ended = run(pair)
    assert not backend.lose
    assert set(statuses(ended).values()) == {"completed"}
    assert len(backend.jobs) == 3
    assert ended.run_metadata["step_jobs"] == {
        step: job.name for step, job in backend.steps().items()
    }


# A job that is held because of an error.


def test_a_client_that_waits_ends_a_run_with_a_held_job(
    backend: InlineBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job is cancelled: it would never start, and the run would never end."""
    monkeypatch.setattr("zenml_conformance.core.monitoring.WATCH_SECONDS", 0.0)
    backend.held = {"left"}
    ended = run(diamond)
    assert backend.states[backend.steps()["left"].name] == JobState.CANCELLED
    assert (statuses(ended)[""], statuses(ended)["left"]) == ("failed", "failed")
    assert "last" not in ended.steps


def test_a_held_control_job_is_cancelled_by_the_client(
    backend: InlineBackend, topology: type[Topology]
) -> None:
    """Nothing else would end the run."""
    backend.held = {topology.role}
    backend.never_start = {"one"}
    assert statuses(run(pair)) == {"": "failed", "one": "failed"}


def test_a_refresh_ends_a_run_with_a_held_job(
    backend: InlineBackend, topology: type[Topology]
) -> None:
    """Also when no process looks after it, because its control job is the one that is held."""
    backend.held = {topology.role} if topology.cancels_steps else {"left"}
    stuck = start(diamond)
    assert stuck.in_progress
    refresh_run_status(stuck)  # Cancels the job.
    refresh_run_status(stuck)
    ended = last_run()
    assert statuses(ended)[""] == "failed"
    assert JobState.HELD not in backend.states.values()


# Where output goes.


def test_the_run_tells_where_its_jobs_log_to(backend: InlineBackend) -> None:
    """In its metadata, as soon as a job exists or, with a coordinator, has ended."""
    metadata = run(pair).run_metadata
    assert metadata["step_logs"] == {
        step: f"/logs/{job.name}" for step, job in backend.steps().items()
    }
    (control,) = backend.control_jobs()
    assert metadata["log_location"] == f"/logs/{control.name}"


def test_the_client_names_the_log_of_a_step_that_has_failed(
    backend: InlineBackend, caplog: pytest.LogCaptureFixture
) -> None:
    """Of no other one."""
    with caplog.at_level("ERROR", logger=orchestrator.__name__):
        run(broken_branch)
    told = [record.message for record in caplog.records if record.name == orchestrator.__name__]
    log = f"/logs/{backend.steps()['fail'].name}"
    assert told == [f"Step `fail` has failed. Its job has logged to {log}"]


def test_a_backend_that_can_not_tell_where_jobs_log_to(
    backend: InlineBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run completes all the same."""
    monkeypatch.setattr(backend, "log_location", down)
    ended = run(pair)
    assert ended.status == ExecutionStatus.COMPLETED
    assert "step_logs" not in ended.run_metadata
