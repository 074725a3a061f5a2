"""Schedules, over a backend that has a clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from zenml.client import Client
from zenml.config.schedule import Schedule
from zenml.models import ScheduleResponse
from zenml.orchestrators.exceptions import PipelineSubmissionError
from zenml.pipelines.pipeline_definition import Pipeline
from zenml.utils.time_utils import utc_now

from zenml_conformance.core import schedules as core_schedules
from zenml_conformance.core.coordinator import CoordinatorTopology
from zenml_conformance.core.schedules import check_cron

from .acme import AcmeConfig
from .inline_backend import InlineBackend
from .pipelines import isolated, pair

# A firing begins a run, as a client does: the topology has no part in it.
once = pytest.mark.parametrize("topology", [CoordinatorTopology], indirect=True)

CRON = "30 6 * * mon-fri"


@pytest.fixture
def clock(backend: InlineBackend) -> Iterator[InlineBackend]:
    """A backend that starts jobs at set times."""
    yield backend
    for schedule in schedules():
        Client().delete_schedule(schedule.id)


def schedules() -> list[ScheduleResponse]:
    """What ZenML's store says."""
    return list(Client().list_schedules().items)


def schedule(pipeline: Pipeline = pair, **options: Any) -> ScheduleResponse:
    """Give a pipeline a schedule."""
    asked = Schedule(**{"cron_expression": CRON, **options})
    assert pipeline.with_options(schedule=asked)() is None
    (created,) = schedules()
    return created


@once
@pytest.mark.parametrize("pipeline", [pair, isolated])
def test_each_firing_is_a_run(clock: InlineBackend, pipeline: Pipeline) -> None:
    """Of its own, with its own id; nothing runs before."""
    schedule(pipeline)
    ((schedule_id, (job, cron)),) = clock.schedules.items()
    assert cron == CRON
    assert not clock.jobs
    before = Client().list_pipeline_runs(size=1).total
    clock.fire(schedule_id)
    clock.fire(schedule_id)
    runs = Client().list_pipeline_runs(sort_by="desc:created", size=2)
    assert runs.total == before + 2
    fired = runs.items
    assert [run.status.value for run in fired] == ["completed"] * 2
    assert len({run.orchestrator_run_id for run in fired}) == 2
    assert job.labels["role"] == "firing"


@once
@pytest.mark.parametrize(
    "options",
    [
        {"catchup": True},
        {"end_time": utc_now() + timedelta(days=1)},
        {"run_once_start_time": utc_now() + timedelta(days=1)},
        {"start_time": utc_now(), "interval_second": timedelta(hours=1)},
        {"cron_expression": "sometimes"},
        {"cron_expression": "61 * * * *"},
    ],
)
def test_what_can_not_be_kept_is_refused(clock: InlineBackend, options: dict[str, Any]) -> None:
    """ZenML keeps no record of it, and the backend was not asked."""
    with pytest.raises(PipelineSubmissionError, match="has not been created"):
        schedule(**options)
    assert not schedules()
    assert not clock.schedules


@once
def test_a_refusal_of_the_backend_leaves_no_record(clock: InlineBackend) -> None:
    """Its own words reach the user."""
    clock.refuse = {"schedule"}
    with pytest.raises(PipelineSubmissionError, match="the clock is broken"):
        schedule()
    assert not schedules()


@once
def test_an_update_replaces_the_backends_schedule(clock: InlineBackend) -> None:
    """What fires then is the same pipeline; an inactive schedule does not fire."""
    created = schedule()
    ((_, (job, _)),) = clock.schedules.items()
    Client().update_schedule(created.id, cron_expression="0 7 * * *")
    ((_, (renewed, cron)),) = clock.schedules.items()
    assert cron == "0 7 * * *"
    assert renewed.command == job.command
    assert renewed.environment.keys() == job.environment.keys()

    Client().update_schedule(created.id, active=False)
    assert not clock.schedules
    Client().update_schedule(created.id, active=True)
    assert [cron for _, cron in clock.schedules.values()] == ["0 7 * * *"]


@once
def test_a_failed_update_changes_nothing(clock: InlineBackend) -> None:
    """Neither here nor there."""
    created = schedule()
    before = dict(clock.schedules)
    clock.refuse = {"schedule"}
    with pytest.raises(RuntimeError, match="the clock is broken"):
        Client().update_schedule(created.id, cron_expression="0 7 * * *")
    assert clock.schedules == before
    assert schedules()[0].cron_expression == CRON


@once
def test_an_update_that_fails_halfway_is_undone(
    clock: InlineBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither may the old schedule be lost, nor fire beside the new one."""
    created = schedule()
    before = dict(clock.schedules)
    unschedule = clock.unschedule

    def keep_the_old(schedule_id: str) -> None:
        if schedule_id in before:
            raise RuntimeError("the clock is locked")
        unschedule(schedule_id)

    monkeypatch.setattr(clock, "unschedule", keep_the_old)
    with pytest.raises(RuntimeError, match="the clock is locked"):
        Client().update_schedule(created.id, cron_expression="0 7 * * *")
    assert clock.schedules == before
    monkeypatch.setattr(clock, "unschedule", unschedule)

    def is_down(*_: object) -> None:
        raise ConnectionError("the store is down")

    with monkeypatch.context() as patch:
        patch.setattr(core_schedules, "publish_schedule_metadata", is_down)
        with pytest.raises(ConnectionError, match="the store is down"):
            Client().update_schedule(created.id, cron_expression="0 7 * * *")
    assert clock.schedules == before
    Client().delete_schedule(created.id)
    assert not clock.schedules


@once
def test_a_deleted_schedule_fires_no_more(clock: InlineBackend) -> None:
    """It may be gone already."""
    created = schedule()
    Client().delete_schedule(created.id)
    assert not clock.schedules
    created = schedule()
    clock.schedules.clear()
    Client().delete_schedule(created.id)
    assert not schedules()


@once
def test_without_a_clock_zenml_refuses_schedules(
    backend: InlineBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And keeps no record."""
    monkeypatch.setattr(AcmeConfig, "is_schedulable", False)
    with pytest.raises(ValueError, match="does not support scheduling"):
        schedule()
    assert not schedules()
    assert not backend.jobs


def test_schedules_take_an_orchestrator_that_has_them(client: Client) -> None:
    """The message says what is missing, and ZenML keeps no record."""
    client.activate_stack("processes")
    with pytest.raises(PipelineSubmissionError, match="does not inherit from `ScheduledRuns`"):
        schedule()
    assert not schedules()


@pytest.mark.parametrize(
    "expression", ["* * * * *", "*/5 0-6/2 1,15 jan-mar MON-fri", "05 04 * * 07"]
)
def test_cron_expressions(expression: str) -> None:
    """What cron itself takes."""
    check_cron(expression)


@pytest.mark.parametrize(
    "expression", ["", "* * * *", "* * * * * *", "60 * * * *", "* * 0 * *", "5-1 * * * *", "@daily"]
)
def test_other_expressions_are_refused(expression: str) -> None:
    """The message repeats it."""
    with pytest.raises(ValueError, match="cron expression") as error:
        check_cron(expression)
    assert repr(expression) in str(error.value)
