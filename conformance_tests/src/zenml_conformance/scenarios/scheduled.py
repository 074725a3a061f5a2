"""The life of a schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml_conformance.context.evidence import Done, Evidence, unseen
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.schedules import CRON, kept, submit

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext

NEW_CRON = "0 3 * * 1"

NO_SCHEDULE = "schedules are made on the fake backend alone"


class Scheduled(Evidence):
    """What is left of the scenario.

    Attributes:
        jobs_before_firing: How many jobs there were before the schedule had fired.
        update: What came of changing the schedule.
        live_after_update: The cron expressions that the backend had then.
        delete: What came of deleting it.
        live_after_delete: The cron expressions that the backend had then.
    """

    jobs_before_firing: int = unseen(NO_SCHEDULE)
    update: Done = unseen(NO_SCHEDULE)
    live_after_update: list[str] = unseen(NO_SCHEDULE)
    delete: Done = unseen(NO_SCHEDULE)
    live_after_delete: list[str] = unseen(NO_SCHEDULE)


@scenario(Scheduled)
def run(context: ScenarioContext, seen: Scheduled) -> None:
    """A schedule is made, fires twice, is changed and deleted."""
    backend = context.backend
    if backend is None:
        return  # It would fire after the session, too, if it could not be deleted.
    submit(context, backend, "scheduled", name="conformance", cron_expression=CRON)
    seen.jobs_before_firing = len(context.jobs)
    for _ in range(2):
        for schedule in backend.schedules()[:1]:
            backend.fire(schedule.id)
            context.settle()
    seen.update = context.operate("update_schedule", name="conformance", cron=NEW_CRON)
    seen.live_after_update = kept(backend)
    seen.delete = context.operate("delete_schedule", name="conformance")
    seen.live_after_delete = kept(backend)
