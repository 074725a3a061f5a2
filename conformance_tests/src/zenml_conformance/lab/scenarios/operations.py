"""Runs that others look at and stop, from other processes."""

from __future__ import annotations

from typing import Any

from zenml_conformance.lab import zenml_store
from zenml_conformance.lab.laboratory import Laboratory
from zenml_conformance.lab.scenarios.scenario import scenario
from zenml_conformance.rule import Capability

CANCEL_SECONDS = 8.0
"""How long the jobs of a stopped run may take to end: longer than the fake backend's
patience."""

LOST_SECONDS = 12.0
"""How long anybody may wait for a job that the backend does not know any more."""


QUEUED_SECONDS = 8.0
"""How long a step may take to end that runs beside the one that is stopped."""


def _look(lab: Laboratory, phase: str, run: str | None) -> None:
    """Ask for a run's status, then refresh it, and note what the store says afterwards."""
    if run is None:
        return
    done = lab.operate("look", run=run)
    found = zenml_store.find_run(run)
    assert found, f"run {run} is gone from the store"
    lab.evidence.facts["phases"][phase] = {
        **(done.gave or {"gave": None, "asking_raised": done.raised, "refreshing_raised": None}),
        "status": found.status.value,
        "in_progress": found.in_progress,
        "steps": zenml_store.step_statuses(found),
    }


@scenario
def refreshed(lab: Laboratory) -> None:
    """A run is refreshed while it waits, runs, has ended, and after the backend forgot its jobs."""
    lab.evidence.facts["phases"] = {}
    if lab.backend:
        lab.faults(hold=("*",))
    client = lab.start("refreshed", "static:released")
    if lab.backend:
        run = lab.wait_for_submission(client)
        _look(lab, "queued", run)
        lab.faults(flaps=True)
    if lab.wait_for_mark("running"):
        run = client.run
        _look(lab, "running", run)
        _look(lab, "still running", run)
    lab.faults()
    lab.mark("release")
    submission = lab.finish(client)
    lab.settle()
    doomed = lab.submit("doomed", "operations:doomed")
    _look(lab, "failed", doomed.run)
    if lab.backend:
        lab.faults(purges=True)
    _look(lab, "completed and forgotten" if lab.backend else "completed", submission.run)


def _status(lab: Laboratory, run: str | None) -> dict[str, Any] | None:
    found = zenml_store.find_run(run)
    return {"status": found.status.value, "in_progress": found.in_progress} if found else None


def _note_what_is_left(lab: Laboratory) -> None:
    """Note the names of the jobs that have not ended, by whether they had started."""
    if lab.backend:
        live = [record for record in lab.jobs if not record.state.is_ended]
        lab.evidence.facts["left_running"] = [r.job.name for r in live if r.pid is not None]
        lab.evidence.facts["left_queued"] = [r.job.name for r in live if r.pid is None]


def _let_the_queued_step_end(lab: Laboratory, run: str) -> None:
    """Wait for a step that no backend but the fake backend keeps in its queue.

    If it is told to stop while it writes to ZenML's SQLite store, ZenML's handler asks that store
    in the middle of its own transaction. That blocks the other step as well, until both are killed.
    """

    def has_ended() -> bool:
        found = zenml_store.find_run(run)
        return found is not None and zenml_store.step_statuses(found).get("queued") == "completed"

    lab.wait_until(has_ended, QUEUED_SECONDS)


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
    if run and not lab.backend:
        _let_the_queued_step_end(lab, run)
    facts["stop"] = lab.operate("stop", run=run, graceful=False) if run else None
    facts["after_stop"] = _status(lab, run)
    facts["stop_again"] = lab.operate("stop_again", run=run, graceful=False) if run else None
    lab.mark("bystander-release")
    lab.finish(other)
    if lab.backend:
        lab.backend.drain(CANCEL_SECONDS)
        _note_what_is_left(lab)
    lab.faults()
    facts["interrupted"] = lab.marked("stoppable-interrupted")
    lab.mark("stoppable-release")
    lab.finish(client)
    lab.settle()


@scenario
def stopped_dynamic(lab: Laboratory) -> None:
    """A dynamic run is stopped while a step runs inline and another one isolated."""
    isolated = lab.declares(Capability.ISOLATED_STEPS)
    client = lab.start(
        "stopped-dynamic", "operations:stopped_dynamic", parameters={"isolated": isolated}
    )
    facts = lab.evidence.facts
    facts["ran"] = lab.wait_for_mark("stoppable-running") and (
        not isolated or lab.wait_for_mark("isolated-running")
    )
    run = lab.wait_for_submission(client, seconds=5)
    facts["stop"] = lab.operate("stop", run=run, graceful=False) if run else None
    if lab.backend:
        lab.backend.drain(CANCEL_SECONDS)
    _note_what_is_left(lab)
    lab.mark("stoppable-release")
    lab.mark("isolated-release")
    lab.finish(client)
    lab.settle()


@scenario
def stopped_early(lab: Laboratory) -> None:
    """A run is stopped before any of its jobs has started."""
    lab.faults(hold=("*", ""))
    client = lab.start("stopped-early", "operations:stopped")
    facts, run = lab.evidence.facts, lab.wait_for_submission(client)
    facts["stop"] = lab.operate("stop", run=run, graceful=False) if run else None
    _note_what_is_left(lab)
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
    client = lab.start("job-lost", "static:released")
    lab.evidence.facts["ran"] = lab.wait_for_mark("running")
    if lab.backend:
        for record in lab.jobs:
            if record.job.step == "sleeper":
                lab.backend.lose(record.id)
    lab.finish(client, LOST_SECONDS)
    lab.mark("release")
    lab.settle(LOST_SECONDS)
    lab.refresh()
