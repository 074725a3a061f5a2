"""Runs that others look at and stop, from other processes."""

from __future__ import annotations

from typing import Any

from zenml_conformance.lab.laboratory import Laboratory
from zenml_conformance.lab.scenarios.scenario import scenario

CANCEL_SECONDS = 8.0
"""How long the jobs of a stopped run may take to end: longer than the reference backend's
patience."""


def _look(lab: Laboratory, phase: str, run: str | None) -> None:
    """Ask for a run's status, then refresh it, and note what the store says afterwards."""
    if run is None:
        return
    asked, refreshed = lab.operate("ask", run=run), lab.operate("refresh", run=run)
    record = next(record for record in lab.records() if record.id == run)
    lab.evidence.facts["phases"][phase] = {
        "gave": asked.gave,
        "raised": (asked.raised or refreshed.raised),
        "status": record.status,
        "in_progress": record.in_progress,
        "steps": {step.name: step.status for step in record.steps},
    }


@scenario
def refreshed(lab: Laboratory) -> None:
    """A run is refreshed while it waits, runs, has ended, and after the backend forgot its jobs."""
    lab.evidence.facts["phases"] = {}
    if lab.backend:
        lab.faults(hold=("*",))
    client = lab.start("refreshed", "operations:observed")
    if lab.backend:
        run = lab.wait_for_submission(client)
        _look(lab, "queued", run)
        lab.faults(flaps=True)
    if lab.wait_for_mark("running"):
        run = lab.run_of(client)
        _look(lab, "running", run)
        _look(lab, "still running", run)
    lab.faults()
    lab.mark("release")
    submission = lab.finish(client)
    lab.settle()
    _look(lab, "completed", submission.run)
    doomed = lab.submit("doomed", "operations:doomed")
    _look(lab, "failed", doomed.run)
    if lab.backend:
        lab.faults(purges=True)
        _look(lab, "completed and forgotten", submission.run)
        _look(lab, "failed and forgotten", doomed.run)
        lab.faults()


def _status(lab: Laboratory, run: str | None) -> dict[str, Any] | None:
    record = next((record for record in lab.records() if record.id == run), None)
    return {"status": record.status, "in_progress": record.in_progress} if record else None


@scenario
def stopped(lab: Laboratory) -> None:
    """Of two runs, one is stopped by another process: one step runs, one is queued, one waits."""
    lab.faults(hold=("queued",))
    client = lab.start("stopped", "operations:stopped")
    other = lab.start("bystander", "operations:bystander")
    facts = lab.evidence.facts
    facts["ran"] = lab.wait_for_mark("stoppable-running")
    facts["bystander_ran"] = lab.wait_for_mark("bystander-running")
    run = lab.wait_for_submission(client, seconds=5)
    facts["stop"] = lab.operate("stop", run=run, graceful=False) if run else None
    facts["after_stop"] = _status(lab, run)
    facts["stop_again"] = lab.operate("stop_again", run=run, graceful=False) if run else None
    lab.mark("bystander-release")
    lab.finish(other)
    if lab.backend:
        facts["left"] = lab.backend.drain(CANCEL_SECONDS)
    lab.faults()
    facts["interrupted"] = lab.marked("stoppable-interrupted")
    lab.mark("stoppable-release")
    lab.finish(client)
    lab.settle()


@scenario
def stopped_early(lab: Laboratory) -> None:
    """A run is stopped before any of its jobs has started."""
    lab.faults(hold=("*", ""))
    client = lab.start("stopped-early", "operations:stopped")
    facts, run = lab.evidence.facts, lab.wait_for_submission(client)
    facts["stop"] = lab.operate("stop", run=run, graceful=False) if run else None
    if lab.backend:
        records, _ = lab.backend.jobs()
        facts["left"] = [record.id for record in records if not record.state.is_ended]
    lab.faults()
    lab.mark("stoppable-release")
    lab.finish(client)
    lab.settle()


@scenario
def stopped_gracefully(lab: Laboratory) -> None:
    """A run is stopped gracefully: what runs may end, and is asked about while it does."""
    lab.faults(hold=("queued",))
    lab.evidence.facts["phases"] = {}
    client = lab.start("stopped-gracefully", "operations:stopped")
    facts = lab.evidence.facts
    facts["ran"] = lab.wait_for_mark("stoppable-running")
    run = lab.wait_for_submission(client, seconds=5)
    facts["stop"] = lab.operate("stop", run=run, graceful=True) if run else None
    facts["after_stop"] = _status(lab, run)
    _look(lab, "stopping", run)
    lab.faults()
    lab.mark("stoppable-release")
    lab.finish(client)
    lab.settle()
    facts["released"] = lab.marked("stoppable-released")
    lab.refresh()


@scenario
def job_lost(lab: Laboratory) -> None:
    """The backend loses the job of a running step: it is gone, and nobody knows of it any more."""
    client = lab.start("job-lost", "operations:observed")
    lab.evidence.facts["ran"] = lab.wait_for_mark("running")
    if lab.backend:
        records, _ = lab.backend.jobs()
        for record in records:
            if record.job.step == "sleeper":
                lab.backend.lose(record.id)
    lab.finish(client)
    lab.mark("release")
    lab.settle()
    lab.refresh()
