"""Runs, from submission to their last status, over a backend that can be made to fail."""

from __future__ import annotations

# jinja: if cookiecutter.backend_pattern != "docker"
import os
import sys

# jinja: endif
import pytest
from inline_backend import InlineBackend
from pipelines import broken_branch, diamond, half_cached
from zenml.client import Client
from zenml.models import PipelineRunResponse
from zenml.pipelines.pipeline_definition import Pipeline
from zenml.utils.run_utils import refresh_run_status

# jinja: if cookiecutter.backend_pattern != "docker"
from example_pkg import job_main

# jinja: endif
from example_pkg.jobs import Job
from example_pkg.orchestrator import AcmeOrchestrator
from example_pkg.run_id import RUN_ID_VARIABLE
from example_pkg.topology import CONTROLLER


@pytest.fixture
def backend(client: Client, monkeypatch: pytest.MonkeyPatch) -> InlineBackend:
    """Put in the place of the real backend, the same way that the conformance suite does it."""
    del client
    backend = InlineBackend()
    monkeypatch.setattr(AcmeOrchestrator, "backend", backend)
    return backend


def run(pipeline: Pipeline) -> PipelineRunResponse:
    """Run a pipeline and read what the store says about it."""
    started = pipeline()
    assert started is not None
    return Client().get_pipeline_run(started.id)


def last_run() -> PipelineRunResponse:
    """Read the run that was started last."""
    runs = Client().list_pipeline_runs(sort_by="desc:created", size=1)
    return Client().get_pipeline_run(runs.items[0].id)


def statuses(run: PipelineRunResponse) -> dict[str, str]:
    """The statuses of a run's steps; of the run itself under the empty name."""
    assert not run.in_progress
    return {"": run.status.value} | {name: step.status.value for name, step in run.steps.items()}


def test_a_run_completes(backend: InlineBackend) -> None:
    """Each step has one job, and its output reaches the next."""
    ended = run(diamond)
    assert set(statuses(ended).values()) == {"completed"}
    assert ended.steps["last"].output.load() == 4
    assert backend.steps().keys() == {"one", "left", "right", "last"}


def test_all_jobs_belong_to_the_run(backend: InlineBackend) -> None:
    """The id is ZenML's own of the run, so it is known before any job exists."""
    ended = run(diamond)
    assert ended.orchestrator_run_id == str(ended.id)
    ids = {job.environment[RUN_ID_VARIABLE] for job in backend.jobs.values()}
    assert ids == {str(ended.id)}
    assert ended.run_metadata["orchestrator_run_id"] == str(ended.id)
    assert ended.run_metadata["step_jobs"] == {
        step: job.name for step, job in backend.steps().items()
    }


# jinja: if cookiecutter.backend_pattern != "docker"
def test_jobs_share_no_configuration_of_zenml(backend: InlineBackend) -> None:
    """Each has one of its own, and does not look for the client's `.zen`."""
    run(diamond)
    for job in backend.jobs.values():
        assert job.command[:3] == (sys.executable, "-m", job_main.__name__)
        assert job.environment["ZENML_REPOSITORY_PATH"] == os.devnull


# jinja: endif
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
    """Nobody but the orchestrator can know; without a record the run would never end."""
    backend.never_start = {"left"}
    ended = run(diamond)
    assert statuses(ended) == {
        "": "failed",
        "one": "completed",
        "left": "failed",
        "right": "completed",
    }
    assert "could not start" in str(ended.steps["left"].exception_info)


def test_a_dead_controller_leaves_a_run_that_a_refresh_ends(backend: InlineBackend) -> None:
    """The refresh works from what the store holds, on an instance that knows nothing else."""
    backend.never_start = {CONTROLLER, "one"}
    asynchronous = {"orchestrator": {"synchronous": False}}
    stuck = run(diamond.with_options(settings=asynchronous))
    assert stuck.in_progress
    refresh_run_status(stuck)
    assert statuses(last_run()) == {"": "failed", "one": "failed"}


def test_a_synchronous_client_ends_what_its_dead_controller_has_left(
    backend: InlineBackend,
) -> None:
    """Who waits for a run must not be told that it is still running."""
    backend.never_start = {CONTROLLER, "one"}
    assert statuses(run(diamond)) == {"": "failed", "one": "failed"}


def test_a_refresh_of_a_living_or_finished_run_changes_nothing(backend: InlineBackend) -> None:
    """Steps report for themselves; the backend's view could only be older."""
    ended = run(diamond)
    assert Client().active_stack.orchestrator.fetch_status(ended) == (None, None)


def test_submissions_without_a_run_are_runs_of_their_own(backend: InlineBackend) -> None:
    """Steps of the second would collide with those of the first if the two had one id."""
    snapshot = run(diamond).snapshot
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
        run(diamond)
    assert not backend.jobs
    assert statuses(last_run())[""] == "failed"
