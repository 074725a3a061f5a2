"""Runs of direct orchestration, from submission to their last status."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from zenml import pipeline, step
from zenml.client import Client
from zenml.config.schedule import Schedule
from zenml.enums import ExecutionMode, ExecutionStatus
from zenml.exceptions import IllegalOperationError
from zenml.models import PipelineRunResponse, PipelineRunUpdate
from zenml.utils.run_utils import refresh_run_status, stop_run

from zenml_conformance.core import lifeline
from zenml_conformance.core.in_process import InProcessOrchestrator
from zenml_conformance.core.reconciliation import Reconciliation
from zenml_conformance.core.run_id import RUN_ID_VARIABLE

from .pipelines import HOOKS, broken_branch, diamond, doubled, events, half_cached, pair
from .runs import last_run, run, statuses


@pytest.fixture(autouse=True)
def stack(client: Client) -> None:
    """Make the orchestrator the active one."""
    client.activate_stack("in_process")


@step(enable_cache=False)
def report(number: int) -> str:
    """Say which run this is, as the environment and the orchestrator see it."""
    events.append(f"step {number}")
    told = Client().active_stack.orchestrator.get_orchestrator_run_id()
    return f"{os.environ[RUN_ID_VARIABLE]} {told}"


@pipeline
def two_reports(number: int = 0) -> None:
    """Two steps, one after the other."""
    report(number, id="first")
    report(number, id="second", after="first")


@step(enable_cache=False)
def interrupt() -> None:
    """Be interrupted by the user."""
    raise KeyboardInterrupt


@pipeline
def interrupted() -> None:
    """End in the middle."""
    interrupt()
    report(1, id="later")


@step(enable_cache=False)
def stop(graceful: bool) -> None:
    """Do what a user does meanwhile."""
    stop_run(last_run(), graceful=graceful)


@pipeline
def stopped(graceful: bool) -> None:
    """Be stopped during the first of two steps."""
    stop(graceful)
    report(1, id="later", after="stop")


@pipeline(dynamic=True, enable_cache=False)
def dynamic_stopped() -> None:
    """The same, found out on the way."""
    stop(graceful=True)
    report(1, id="later")


def test_a_run_completes() -> None:
    """Outputs reach the next step, and the run has ZenML's own id."""
    ended = run(diamond)
    assert set(statuses(ended).values()) == {"completed"}
    assert ended.steps["last"].output.load() == 4
    assert ended.orchestrator_run_id == str(ended.id)
    assert ended.run_metadata["pid"] == os.getpid()


@pytest.mark.parametrize(
    ("mode", "other"),
    [
        (ExecutionMode.CONTINUE_ON_FAILURE, "completed"),
        (ExecutionMode.STOP_ON_FAILURE, None),
        (ExecutionMode.FAIL_FAST, None),
    ],
)
def test_a_failure_stops_what_the_mode_says(mode: ExecutionMode, other: str | None) -> None:
    """What needs the failed step never runs; the branch beside it only in one mode."""
    ended = statuses(run(broken_branch.with_options(execution_mode=mode)))
    assert (ended[""], ended["fail"]) == ("failed", "failed")
    assert ended.get("other") == other
    assert "after_failure" not in ended


def test_cached_steps_are_not_run_again() -> None:
    """ZenML has recorded the cached step already."""
    run(half_cached)
    assert statuses(run(half_cached))["remembered"] == "cached"


def test_hooks_enclose_runs_and_runs_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """In two threads, over one instance: neither run sees anything of the other."""
    events.clear()
    ended: dict[int, PipelineRunResponse] = {}
    # ZenML's preparations are not made for two threads at once; Python's parser, which they use,
    # is not either.
    preparing, prepared = threading.Lock(), threading.Barrier(2, timeout=60)
    submit = InProcessOrchestrator.submit_pipeline

    def submit_together(self: InProcessOrchestrator, **arguments: Any) -> Any:
        preparing.release()
        prepared.wait()
        return submit(self, **arguments)

    monkeypatch.setattr(InProcessOrchestrator, "submit_pipeline", submit_together)

    def start(number: int) -> None:
        assert preparing.acquire(timeout=60)
        named = two_reports.with_options(run_name=f"run-{number}", **HOOKS)
        started = named(number=number)
        assert started is not None
        ended[number] = Client().get_pipeline_run(started.id)

    threads = [threading.Thread(target=start, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    halves = [events[:4], events[4:]]
    assert sorted(halves) == [["init", f"step {n}", f"step {n}", "cleanup"] for n in (1, 2)]
    for each in ended.values():
        told = {step.output.load() for step in each.steps.values()}
        assert told == {f"{each.id} {each.id}"}
    assert RUN_ID_VARIABLE not in os.environ


def test_an_interrupted_run_has_ended() -> None:
    """The steps that were still to come count as failed; nobody will ever run them."""
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert set(statuses(last_run()).values()) == {"failed"}


def test_a_dynamic_pipeline_runs_within_its_hooks() -> None:
    """All of its steps run here; its run has ZenML's own id."""
    events.clear()
    ended = run(doubled.with_options(parameters={"times": 2}, **HOOKS))
    assert set(statuses(ended).values()) == {"completed"}
    assert ended.steps["add_2"].output.load() == 4
    assert ended.orchestrator_run_id == str(ended.id)
    assert events == ["init", "cleanup"]
    assert RUN_ID_VARIABLE not in os.environ


def test_a_failed_dynamic_pipeline_can_be_retried() -> None:
    """It has cleaned up; what went well is not done again."""
    events.clear()
    failed = run(doubled.with_options(parameters={"times": 2, "limit": 3}, **HOOKS))
    assert (statuses(failed)[""], statuses(failed)["fail"]) == ("failed", "failed")
    assert events == ["init", "cleanup"]

    client = Client()
    assert failed.snapshot is not None
    client.zen_store.update_run(failed.id, PipelineRunUpdate(status=ExecutionStatus.RESUMING))
    snapshot, stack = client.get_snapshot(failed.snapshot.id), client.active_stack
    stack.orchestrator.resume_run(snapshot=snapshot, run=failed, stack=stack)
    again = client.get_pipeline_run(failed.id)
    assert statuses(again) == statuses(failed)
    assert again.steps["add"].id == failed.steps["add"].id
    assert again.orchestrator_run_id == failed.orchestrator_run_id


def test_a_graceful_stop_lets_the_step_be_the_last() -> None:
    """It ends as it likes, and the run is stopped."""
    ended = statuses(run(stopped.with_options(parameters={"graceful": True})))
    assert ended == {"": "stopped", "stop": "completed"}
    assert statuses(run(dynamic_stopped)) == ended


def test_a_forceful_stop_is_refused_before_it_begins() -> None:
    """The message says what to do instead. ZenML would call the run `stopping` for ever."""
    ended = run(stopped.with_options(parameters={"graceful": False}))
    assert statuses(ended) == {"": "failed", "stop": "failed"}
    error = ended.steps["stop"].exception_info
    assert IllegalOperationError.__name__ in str(error)
    assert f"--graceful {ended.id}" in str(error)


def test_schedules_are_refused() -> None:
    """Nobody would fire them, so ZenML keeps no record either."""
    with pytest.raises(ValueError, match="does not support scheduling"):
        pair.with_options(schedule=Schedule(cron_expression="0 6 * * *"))()
    assert not Client().list_schedules().items


def test_a_run_whose_client_has_died_is_ended_by_a_refresh(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While the client lives, a refresh keeps its hands off."""
    with monkeypatch.context() as died:
        died.setattr(InProcessOrchestrator, "_run_steps", lambda *_: None)
        died.setattr(Reconciliation, "reconcile_run", lambda *_: None)
        stuck = run(pair)
    path = _lifeline(stuck)
    client = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    alive = lifeline.hold(path)
    lifeline.sign(alive, client.pid)
    os.close(alive)
    refresh_run_status(stuck)
    assert Client().get_pipeline_run(stuck.id).in_progress

    client.kill()
    client.wait(timeout=60)
    refresh_run_status(stuck)
    assert statuses(Client().get_pipeline_run(stuck.id)) == {"": "failed", "one": "failed"}
    assert not path.exists()


def _lifeline(run: PipelineRunResponse) -> Path:
    orchestrator = Client().active_stack.orchestrator
    assert isinstance(orchestrator, InProcessOrchestrator)
    return orchestrator._lifeline(run)
