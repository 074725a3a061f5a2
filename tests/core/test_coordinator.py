"""What only a coordinator does."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence

import pytest
from sqlalchemy import event
from zenml.client import Client
from zenml.enums import ExecutionMode
from zenml.models import PipelineRunResponse
from zenml.utils.run_utils import stop_run
from zenml.zen_stores.sql_zen_store import SqlZenStore

from zenml_conformance.core import control, outages
from zenml_conformance.core.coordinator import CoordinatorTopology
from zenml_conformance.core.jobs import COORDINATOR, Job, JobState, NoRoomError
from zenml_conformance.core.run_id import RUN_ID_VARIABLE

from .fake_time import FakeTime
from .inline_backend import InlineBackend
from .pipelines import diamond, pair
from .runs import last_run, run, start, statuses

pytestmark = pytest.mark.parametrize("topology", [CoordinatorTopology], indirect=True)


def coordinate(run: PipelineRunResponse, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be the coordinator of a run."""
    assert run.snapshot is not None
    monkeypatch.setenv(RUN_ID_VARIABLE, str(run.orchestrator_run_id))
    control.main([COORDINATOR, "--snapshot_id", str(run.snapshot.id)])


@pytest.fixture(autouse=True)
def handler() -> Iterator[None]:
    """Restore what happens on SIGTERM."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_the_store_outweighs_the_exit_code(backend: InlineBackend) -> None:
    """A step that has reported success has succeeded, whatever its process did next."""
    backend.die_afterwards = {"one", "last"}
    assert set(statuses(run(pair)).values()) == {"completed"}


def test_a_step_that_is_not_accepted_fails(backend: InlineBackend) -> None:
    """The reason is the backend's; what needs the step is not submitted."""
    backend.refuse = {"left"}
    ended = run(diamond)
    assert statuses(ended)["left"] == "failed"
    assert "last" not in ended.steps
    assert "the queue is closed" in str(ended.steps["left"].exception_info)


def test_a_step_that_the_system_has_ended_says_why(backend: InlineBackend) -> None:
    """In the system's words, and where its output is."""
    backend.never_start = {"left"}
    backend.reasons = {"left": "OUT_OF_MEMORY"}
    ended = run(diamond)
    assert statuses(ended)["left"] == "failed"
    told = str(ended.steps["left"].exception_info)
    assert "has not reported how: OUT_OF_MEMORY. Its log may tell more: /logs/" in told


def test_a_step_that_there_is_no_room_for_fails(
    backend: InlineBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When it has been waited for as long as the backend says."""
    accept = backend.submit

    def submit(job: Job) -> str:
        if job.labels.get("step") == "left":
            raise NoRoomError("the queue is full")
        return accept(job)

    monkeypatch.setattr(backend, "submit", submit)
    monkeypatch.setattr(backend, "room_seconds", 0.0)
    ended = run(diamond)
    assert (statuses(ended)[""], statuses(ended)["left"]) == ("failed", "failed")
    assert "no job is waited for longer than 0 seconds" in str(ended.steps["left"].exception_info)


def no_room(backend: InlineBackend, step: str, monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    """Have the backend never take the job of a step, and time pass at once; return the clock."""
    accept = backend.submit

    def submit(job: Job) -> str:
        if job.labels.get("step") == step:
            raise NoRoomError("the queue is full")
        return accept(job)

    time = FakeTime()
    monkeypatch.setattr(backend, "submit", submit)
    monkeypatch.setattr(outages, "time", time)
    return time


def test_a_failure_ends_the_wait_for_room(
    backend: InlineBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one step waits for room, the coordinator sees what becomes of the others."""
    no_room(backend, "right", monkeypatch)
    backend.never_start = {"left"}
    ended = run(diamond.with_options(execution_mode=ExecutionMode.STOP_ON_FAILURE))
    assert statuses(ended) == {"": "failed", "one": "completed", "left": "failed"}


def test_a_stop_ends_the_wait_for_room(
    backend: InlineBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What runs may end; what there was no room for does not start."""
    time = no_room(backend, "right", monkeypatch)
    accept = backend.submit

    def submit(job: Job) -> str:
        if job.labels.get("step") == "right" and not time.pauses:
            stop_run(last_run(), graceful=True)
        return accept(job)

    monkeypatch.setattr(backend, "submit", submit)
    assert statuses(run(diamond)) == {"": "stopped", "one": "completed", "left": "completed"}
    assert len(time.pauses) == 1


@pytest.mark.parametrize("mode", [ExecutionMode.STOP_ON_FAILURE, ExecutionMode.FAIL_FAST])
def test_no_step_is_submitted_after_a_failure(backend: InlineBackend, mode: ExecutionMode) -> None:
    """In both modes: `last` needs both branches, and one of them never ends well."""
    backend.never_start = {"one"}
    assert statuses(run(diamond.with_options(execution_mode=mode)))[""] == "failed"
    assert backend.steps().keys() == {"one"}


def test_a_job_that_could_not_be_cancelled_is_cancelled_later(
    backend: InlineBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The backend can't be reached at the moment when another step fails."""
    backend.queued, backend.never_start = {"left"}, {"right"}
    cancel, outage = backend.cancel, [ConnectionError("down"), ConnectionError("down")]

    def cancel_unless_down(job_id: str) -> None:
        if outage:
            raise outage.pop()
        cancel(job_id)

    monkeypatch.setattr(backend, "cancel", cancel_unless_down)
    ended = run(diamond.with_options(execution_mode=ExecutionMode.FAIL_FAST))
    assert not outage
    assert statuses(ended)[""] == "failed"
    assert backend.states[backend.steps()["left"].name] == JobState.CANCELLED


def test_a_backend_that_fails_to_wait_ends_no_run(
    backend: InlineBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its jobs go on, so the coordinator does, too."""
    backend.queued = {"one"}

    def wait(job_ids: Sequence[str], timeout: float) -> None:
        backend.queued.clear()
        backend.start_what_may()
        raise ConnectionError(f"{job_ids}, {timeout}: the connection was refused")

    monkeypatch.setattr(backend, "wait", wait)
    monkeypatch.setattr(backend, "poll_seconds", 0.0)
    assert set(statuses(run(pair)).values()) == {"completed"}


def test_the_log_of_a_step_is_known_while_it_waits(backend: InlineBackend) -> None:
    """Not only when it has ended."""
    backend.queued = {"one"}
    logs: list[object] = []
    cancel = backend.cancel

    def wait(job_ids: Sequence[str], timeout: float) -> None:
        del timeout
        logs.append(last_run().run_metadata["step_logs"])
        for job_id in job_ids:
            cancel(job_id)

    backend.wait = wait  # type: ignore[method-assign]
    run(pair)
    assert logs[0] == {"one": f"/logs/{backend.steps()['one'].name}"}


def test_a_held_job_fails_its_step_alone(backend: InlineBackend) -> None:
    """It is cancelled, and the steps beside it complete."""
    backend.held = {"left"}
    ended = run(diamond.with_options(execution_mode=ExecutionMode.CONTINUE_ON_FAILURE))
    assert statuses(ended) == {
        "": "failed",
        "one": "completed",
        "left": "failed",
        "right": "completed",
    }
    assert backend.states[backend.steps()["left"].name] == JobState.CANCELLED


def test_a_coordinator_that_is_started_again_goes_on(
    backend: InlineBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has succeeded is not run again."""
    backend.never_start = {COORDINATOR}
    interrupted = start(pair)
    coordinate(interrupted, monkeypatch)
    first = dict(backend.jobs)
    coordinate(interrupted, monkeypatch)
    assert set(statuses(last_run()).values()) == {"completed"}
    assert backend.jobs == first


def test_a_coordinator_of_a_stopped_run_submits_nothing(
    backend: InlineBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have been on its way when the run was stopped."""
    backend.queued = {COORDINATOR}
    start(pair)
    stop_run(last_run())
    coordinate(last_run(), monkeypatch)
    assert not backend.steps()
    assert statuses(last_run()) == {"": "stopped"}


def test_a_coordinator_that_is_ended_leaves_no_unregistered_job(
    backend: InlineBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGTERM comes when the backend has a job, and the coordinator does not know it yet."""
    backend.never_start, backend.queued = {COORDINATOR}, {"left"}
    interrupted = start(diamond)
    accept = backend.submit

    def submit(job: Job) -> str:
        job_id = accept(job)
        if job.labels["step"] == "left":
            os.kill(os.getpid(), signal.SIGTERM)
        return job_id

    monkeypatch.setattr(backend, "submit", submit)
    with pytest.raises(SystemExit) as ended:
        coordinate(interrupted, monkeypatch)
    assert ended.value.code == 128 + signal.SIGTERM
    assert last_run().run_metadata["step_jobs"] == {
        step: job.name for step, job in backend.steps().items()
    }
    assert all(state.is_ended for state in backend.states.values())
    assert statuses(last_run())[""] == "failed"


def test_sigterm_does_not_interrupt_a_query_of_the_store(
    backend: InlineBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its transaction would stay open, and keep the store locked for all other processes."""
    backend.never_start, backend.queued = {COORDINATOR}, {"left"}
    interrupted = start(diamond)
    interruptions: list[bool] = []

    def interrupt_a_query(*_: object) -> None:
        if backend.waits and not interruptions:
            try:
                os.kill(os.getpid(), signal.SIGTERM)
                interruptions.append(False)
            except BaseException:
                interruptions.append(True)
                raise

    store = Client().zen_store
    assert isinstance(store, SqlZenStore)
    event.listen(store.engine, "before_cursor_execute", interrupt_a_query)
    try:
        with pytest.raises(SystemExit):
            coordinate(interrupted, monkeypatch)
    finally:
        event.remove(store.engine, "before_cursor_execute", interrupt_a_query)
    assert interruptions == [False]
    assert "last" not in backend.steps()
    assert all(state.is_ended for state in backend.states.values())
    assert statuses(last_run())[""] == "failed"


def test_the_environment_of_a_step_is_that_which_zenml_computes(backend: InlineBackend) -> None:
    """The coordinator computes it anew: it must arrive at what the client would have used."""
    run(pair)
    (control_job,) = backend.control_jobs()
    zenml = {name for name in control_job.environment if name.startswith("ZENML_")}
    for job in backend.steps().values():
        assert zenml <= job.environment.keys()
        assert job.environment["ZENML_ACTIVE_STACK_ID"] == str(Client().active_stack_model.id)
