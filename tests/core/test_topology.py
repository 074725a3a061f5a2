"""The DAG, as the backend gets it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from inline_backend import InlineBackend
from pipelines import broken_branch, diamond, fail, one
from test_orchestrator import backend, last_run, run, statuses
from zenml import pipeline
from zenml.client import Client
from zenml.enums import ExecutionMode

from example_pkg.jobs import Job, JobState

__all__ = ["backend"]  # A fixture, used by name.


def test_every_edge_becomes_a_dependency(backend: InlineBackend) -> None:
    """And the finalizer waits for all, in whatever way they end."""
    run(diamond)
    name = {job.name: step for step, job in backend.steps().items()}
    edges = {
        step: {name[before] for before in job.depends_on} for step, job in backend.steps().items()
    }
    assert edges == {"one": set(), "left": {"one"}, "right": {"one"}, "last": {"left", "right"}}
    finalizer = next(job for job in backend.jobs.values() if "step" not in job.labels)
    assert set(finalizer.depends_on) == name.keys()
    assert finalizer.start_when == "ended"


def test_a_half_submitted_run_is_taken_back(backend: InlineBackend) -> None:
    """Whatever was accepted before the refusal is cancelled, and the refusal reaches the user."""
    backend.refuse = {"last"}
    with pytest.raises(RuntimeError, match="the queue is closed"):
        run(diamond)
    assert backend.steps().keys() == {"one", "left", "right"}
    assert set(backend.states.values()) == {"cancelled"}
    assert not last_run().in_progress


def test_the_finalizer_ends_a_run_whose_step_died_after_it_had_reported(
    backend: InlineBackend,
) -> None:
    """The backend cancels what comes next; to the store nothing has failed yet."""
    backend.die_afterwards = {"one"}
    ended = statuses(run(diamond))
    assert ended == {"": "failed", "one": "completed", "left": "failed", "right": "failed"}


def test_a_mode_that_needs_a_watcher_is_refused(backend: InlineBackend) -> None:
    """Nobody could cancel the steps that run when another fails."""
    with pytest.raises(ValueError, match="not supported"):
        run(diamond.with_options(execution_mode=ExecutionMode.FAIL_FAST))
    assert not backend.jobs


@pipeline(execution_mode=ExecutionMode.CONTINUE_ON_FAILURE)
def ordered() -> None:
    """A step that needs another to have succeeded, and nothing that it has made."""
    fail(one(), id="failed")
    one(after="failed", id="after_failure")


def test_a_condition_that_the_backend_takes_for_fulfilled(
    backend: InlineBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As some do when they have forgotten the job that failed. The step does not run."""
    accept = backend.submit
    monkeypatch.setattr(backend, "submit", lambda job: accept(replace(job, depends_on=())))
    ended = statuses(run(ordered))
    assert ended == {"": "failed", "one": "completed", "failed": "failed"}


@pytest.fixture
def full(backend: InlineBackend, monkeypatch: pytest.MonkeyPatch) -> InlineBackend:
    """It has room for one job at a time, and forgets those that have ended."""
    accept = backend.submit

    def submit(job: Job) -> str:
        if backend.jobs:
            ended = [job_id for job_id, state in backend.states.items() if state.is_ended]
            backend.states |= dict.fromkeys(ended, JobState.UNKNOWN)
            job = job.revise(job)
        return accept(job)

    monkeypatch.setattr(backend, "submit", submit)
    return backend


def test_a_run_larger_than_the_queue_completes(full: InlineBackend) -> None:
    """A job that is forgotten is waited for no more; that it has succeeded is in ZenML's store."""
    ended = run(diamond)
    assert set(statuses(ended).values()) == {"completed"}
    *steps, finalizer = full.jobs.values()
    assert not any(job.depends_on for job in steps)
    assert set(finalizer.depends_on) == {job.name for job in steps}
    assert ended.run_metadata["step_jobs"] == {step: job.name for step, job in full.steps().items()}


def test_a_failure_that_the_backend_has_forgotten(full: InlineBackend) -> None:
    """What needs the failed step is not submitted: a backend would start it by now."""
    ended = statuses(run(broken_branch))
    assert ended == {"": "failed", "one": "completed", "fail": "failed", "other": "completed"}
    assert full.steps().keys() == {"one", "fail", "other"}


def test_a_failure_that_ends_the_run(full: InlineBackend) -> None:
    """The store would refuse what is left, so it is not submitted."""
    stopping = broken_branch.with_options(execution_mode=ExecutionMode.STOP_ON_FAILURE)
    assert statuses(run(stopping)) == {"": "failed", "one": "completed", "fail": "failed"}
    assert full.steps().keys() == {"one", "fail"}


def test_a_death_that_the_backend_has_forgotten(full: InlineBackend) -> None:
    """A step that has died without a word has not succeeded."""
    full.never_start = {"one"}
    assert statuses(run(diamond)) == {"": "failed", "one": "failed"}
    assert full.steps().keys() == {"one"}


def test_a_run_that_is_stopped_while_it_is_submitted(
    full: InlineBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The jobs that there are end, and no other follows."""
    full.hold = {"one"}
    wait = full.submit

    def stopped_meanwhile(job: Job) -> str:
        if full.jobs:
            job.revise(job)
            Client().active_stack.orchestrator.stop_run(last_run(), graceful=False)
        return wait(job)

    monkeypatch.setattr(full, "submit", stopped_meanwhile)
    with pytest.raises(RuntimeError, match="was stopped before all of its jobs"):
        run(diamond)
    assert full.steps().keys() == {"one"}
    assert set(full.states.values()) == {JobState.CANCELLED}
    assert last_run().status.value == "stopped"
