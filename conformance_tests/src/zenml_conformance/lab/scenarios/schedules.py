"""Pipelines that are submitted with a schedule. The backend's clock is the scenario."""

from __future__ import annotations

from typing import Any

from zenml_conformance.lab import zenml_store
from zenml_conformance.lab.laboratory import Laboratory
from zenml_conformance.lab.scenarios.scenario import scenario

CRON, NEW_CRON = "*/5 * * * *", "0 3 * * 1"


def _schedules(lab: Laboratory) -> list[str]:
    """The cron expressions that the backend keeps."""
    assert lab.backend
    return [record.cron for record in lab.backend.schedules() if not record.deleted]


def _submit(lab: Laboratory, label: str, **schedule: Any) -> dict[str, Any]:
    """Submit a pipeline with a schedule, and see what is left of it."""
    before = len(_schedules(lab))
    submission = lab.submit(label, "operations:scheduled", how="on_schedule", schedule=schedule)
    return {
        "raised": submission.raised and submission.raised.model_dump(),
        "made": _schedules(lab)[before:],
        "rows": zenml_store.schedule_rows(),
    }


@scenario
def scheduled(lab: Laboratory) -> None:
    """A schedule is made, fires twice, is changed and deleted."""
    facts = lab.evidence.facts
    facts["cron"], facts["new_cron"] = CRON, NEW_CRON
    _submit(lab, "scheduled", name="conformance", cron_expression=CRON)
    assert lab.backend
    facts["jobs_before_firing"] = len(lab.jobs)
    for _ in range(2):
        for schedule in lab.backend.schedules()[:1]:
            lab.backend.fire(schedule.id)
            lab.settle()
    facts["update"] = lab.operate("update_schedule", name="conformance", cron=NEW_CRON)
    facts["live_after_update"] = _schedules(lab)
    facts["delete"] = lab.operate("delete_schedule", name="conformance")
    facts["live_after_delete"] = _schedules(lab)


@scenario
def schedule_kinds(lab: Laboratory) -> None:
    """Schedules that are no cron expressions, one that the backend refuses, and one it loses."""
    facts = lab.evidence.facts
    kinds: dict[str, dict[str, Any]] = {
        "an interval": {"start_time": "2031-01-01T00:00:00+00:00", "interval_second": 3600},
        "a single firing": {"run_once_start_time": "2031-01-01T00:00:00+00:00"},
        "an end": {"cron_expression": CRON, "end_time": "2031-01-01T00:00:00+00:00"},
    }
    facts["kinds"] = {
        kind: _submit(lab, f"kind-{number}", name=f"kind-{number}", **schedule)
        for number, (kind, schedule) in enumerate(kinds.items())
    }
    assert lab.backend
    _submit(lab, "lost", name="lost", cron_expression=CRON)
    for schedule in lab.backend.schedules():
        if not schedule.deleted:
            lab.backend.unschedule(schedule.id)
    facts["delete_gone"] = lab.operate("delete_schedule", name="lost")
    rows = zenml_store.schedule_rows()
    lab.faults(accepts=0, accepts_schedules=False)
    facts["refused"] = _submit(lab, "refused", name="refused", cron_expression=CRON)
    facts["refused"]["rows"] -= rows
