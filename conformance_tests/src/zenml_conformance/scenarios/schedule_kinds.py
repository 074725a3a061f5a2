"""Schedules that are not easy to keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml_conformance.context.evidence import Done, Evidence, unseen
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.schedules import CRON, Scheduling, submit

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext

INTERVAL = "an interval"

KINDS: dict[str, dict[str, str | int]] = {
    INTERVAL: {"start_time": "2031-01-01T00:00:00+00:00", "interval_second": 3600},
    "a single firing": {"run_once_start_time": "2031-01-01T00:00:00+00:00"},
    "an end": {"cron_expression": CRON, "end_time": "2031-01-01T00:00:00+00:00"},
}

NO_SCHEDULE = "schedules are made on the fake backend alone"


class ScheduleKinds(Evidence):
    """What is left of the scenario.

    Attributes:
        kinds: What came of each kind of schedule that is no cron expression alone.
        delete_gone: What came of deleting a schedule that the backend had lost.
        turned_away: What came of one that the backend refused.
    """

    kinds: dict[str, Scheduling] = unseen(NO_SCHEDULE)
    delete_gone: Done = unseen(NO_SCHEDULE)
    turned_away: Scheduling = unseen(NO_SCHEDULE)


@scenario(ScheduleKinds)
def run(context: ScenarioContext, seen: ScheduleKinds) -> None:
    """Schedules that are no cron expressions, one that the backend refuses, and one it loses."""
    backend = context.backend
    if backend is None:
        return
    seen.kinds = {
        kind: submit(context, backend, f"kind-{number}", name=f"kind-{number}", **schedule)
        for number, (kind, schedule) in enumerate(KINDS.items())
    }
    submit(context, backend, "lost", name="lost", cron_expression=CRON)
    for schedule in backend.schedules():
        if not schedule.deleted:
            backend.unschedule(schedule.id)
    seen.delete_gone = context.operate("delete_schedule", name="lost")
    context.faults(accepts=0, accepts_schedules=False)
    seen.turned_away = submit(context, backend, "refused", name="refused", cron_expression=CRON)
