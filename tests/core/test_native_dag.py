"""What the backend gets to know of the DAG, and what happens while it has no room for all of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from zenml.enums import ExecutionMode
from zenml.utils.run_utils import stop_run

from zenml_conformance.core import native_dag, outages
from zenml_conformance.core.jobs import Job, JobState, NoRoomError
from zenml_conformance.core.native_dag import NativeDagTopology

from .inline_backend import InlineBackend
from .pipelines import broken_branch, diamond, ordered, pair
from .runs import last_run, run, statuses

pytestmark = pytest.mark.parametrize("topology", [NativeDagTopology], indirect=True)


def test_every_edge_becomes_a_dependency(backend: InlineBackend) -> None:
    """And the finalizer waits for all, in whatever way they end."""
    run(diamond)
    name = {job.name: step for step, job in backend.steps().items()}
    edges = {
        step: {name[before] for before in job.depends_on} for step, job in backend.steps().items()
    }
    assert edges == {"one": set(), "left": {"one"}, "right": {"one"}, "last": {"left", "right"}}
    (finalizer,) = backend.control_jobs()
    assert set(finalizer.depends_on) == name.keys()
    assert finalizer.start_when == "ended"


def test_a_half_submitted_run_is_taken_back(backend: InlineBackend) -> None:
    """What was accepted before the refusal is cancelled, and the refusal reaches the user."""
    backend.queued, backend.refuse = {"one"}, {"last"}
    with pytest.raises(RuntimeError, match="the queue is closed"):
        run(diamond)
    assert backend.steps().keys() == {"one", "left", "right"}
    assert set(backend.states.values()) == {JobState.CANCELLED}
    assert not last_run().in_progress


def test_the_finalizer_ends_a_run_whose_step_died_after_it_had_reported(
    backend: InlineBackend,
) -> None:
    """The backend cancels what comes next; to the store nothing has failed yet."""
    backend.die_afterwards = {"one"}
    ended = statuses(run(pair))
    assert ended == {"": "failed", "one": "completed", "last": "failed"}


def test_a_mode_that_needs_a_watcher_is_refused(backend: InlineBackend) -> None:
    """No process could cancel the steps that run when another fails."""
    with pytest.raises(ValueError, match="not supported"):
        run(pair.with_options(execution_mode=ExecutionMode.FAIL_FAST))
    assert not backend.jobs


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
    accept, waiting = backend.submit, set[str]()

    def submit(job: Job) -> str:
        if backend.jobs and job.name not in waiting:
            waiting.add(job.name)
            ended = [job_id for job_id, state in backend.states.items() if state.is_ended]
            backend.states |= dict.fromkeys(ended, JobState.UNKNOWN)
            raise NoRoomError("the queue is full")
        return accept(job)

    monkeypatch.setattr(backend, "submit", submit)
    monkeypatch.setattr(outages, "ROOM_PAUSES_SECONDS", (0,))
    return backend


def test_a_run_larger_than_the_queue_completes(full: InlineBackend) -> None:
    """A job that is forgotten is waited for no more; that it has succeeded is in ZenML's store."""
    ended = run(diamond)
    assert set(statuses(ended).values()) == {"completed"}
    *steps, finalizer = full.jobs.values()
    assert not any(job.depends_on for job in steps)
    assert set(finalizer.depends_on) == {job.name for job in steps}
    assert ended.run_metadata["step_jobs"] == {step: job.name for step, job in full.steps().items()}


def test_what_happens_during_a_long_wait_is_noticed_by_the_next_step(
    backend: InlineBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it is submitted for the first time."""
    monkeypatch.setattr(native_dag, "PROMPT_SECONDS", -1.0)
    assert set(statuses(run(pair)).values()) == {"completed"}
    assert not any(job.depends_on for job in backend.steps().values())


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
    assert statuses(run(pair)) == {"": "failed", "one": "failed"}
    assert full.steps().keys() == {"one"}


def test_a_run_that_is_stopped_while_it_is_submitted(
    backend: InlineBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The jobs that there are end, and no other follows."""
    backend.queued = {"one"}
    accept, tries = backend.submit, list[str]()

    def submit(job: Job) -> str:
        if not backend.jobs:
            return accept(job)
        tries.append(job.name)
        if len(tries) == 2:  # By now, the first job is registered.
            stop_run(last_run())
        raise NoRoomError("the queue is full")

    monkeypatch.setattr(backend, "submit", submit)
    monkeypatch.setattr(outages, "ROOM_PAUSES_SECONDS", (0,))
    with pytest.raises(RuntimeError, match="was stopped before all of its jobs"):
        run(pair)
    assert backend.steps().keys() == {"one"}
    assert set(backend.states.values()) == {JobState.CANCELLED}
    assert last_run().status.value == "stopped"
