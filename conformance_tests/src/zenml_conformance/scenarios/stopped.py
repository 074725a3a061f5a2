"""A forceful stop, from another process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml_conformance.context.evidence import Done, Standing, unseen
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.decorators import pipeline
from zenml_conformance.scenarios.shared.steps import sink
from zenml_conformance.scenarios.shared.stopping import (
    CANCEL_SECONDS,
    NOT_STOPPED,
    StopEvidence,
    stoppable,
    stopped,
)

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext

QUEUED_SECONDS = 8.0
"""How long a step may take to end that runs beside the one that is stopped."""


class Stopped(StopEvidence):
    """What is left of the scenario.

    Attributes:
        after_stop: How the run was when the stop had returned.
        when_to_be_over: How it was when it had had the time to end.
        stop_again: What came of stopping it once more.
        interrupted: Whether the step that ran could clean up.
        bystander_ran: Whether another run was under way.
    """

    after_stop: Standing = unseen(NOT_STOPPED)
    when_to_be_over: Standing = unseen(NOT_STOPPED)
    stop_again: Done = unseen(NOT_STOPPED)
    interrupted: bool = unseen(NOT_STOPPED)
    bystander_ran: bool = unseen(NOT_STOPPED)


@pipeline(enable_cache=False)
def bystander(probes: str) -> None:
    """A run that is not stopped."""
    sink(probes, stoppable(probes, 60.0, name="bystander", id="bystander"), id="after_bystander")


@scenario(Stopped)
def run(context: ScenarioContext, seen: Stopped) -> None:
    """Of two runs, one is stopped by another process: one step runs, one is queued, one waits."""
    context.faults(hold=("queued",))
    client = context.start("stopped", stopped)
    other = context.start("bystander", bystander)
    ran = context.wait_for_mark("stoppable-running")
    seen.bystander_ran = context.wait_for_mark("bystander-running")
    run = context.wait_for_submission(client, seconds=5)
    if run and not context.backend:
        _let_the_queued_step_end(context, run)
    if run and ran:
        seen.stop = context.operate("stop", run=run, graceful=False)
        seen.after_stop = context.standing(run)
        seen.stop_again = context.operate("stop_again", run=run, graceful=False)
    context.mark("bystander-release")
    context.finish(other)
    if context.backend:
        context.backend.drain(CANCEL_SECONDS)
    seen.note_what_is_left(context)
    if run and ran:
        if not seen.stop.raised:
            context.wait_until(lambda: not context.standing(run).in_progress, CANCEL_SECONDS)
        seen.when_to_be_over = context.standing(run)
    context.faults()
    seen.interrupted = context.marked("stoppable-interrupted")
    context.mark("stoppable-release")
    context.finish(client)
    context.settle()
    seen.note_what_outlived(context, "stoppable")


def _let_the_queued_step_end(context: ScenarioContext, run: str) -> None:
    """Wait for a step that no backend but the fake backend keeps in its queue.

    If it is told to stop while it writes to ZenML's SQLite store, ZenML's handler asks that store
    in the middle of its own transaction. That blocks the other step as well, until both are killed.
    """
    context.wait_until(
        lambda: context.standing(run).steps.get("queued") == "completed",
        QUEUED_SECONDS,
    )
