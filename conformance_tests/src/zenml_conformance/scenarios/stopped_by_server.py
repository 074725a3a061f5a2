"""The buttons of the dashboard: ZenML's server itself refreshes a run, and stops it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml_conformance.context.evidence import Done, Standing, unseen
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.stopping import (
    CANCEL_SECONDS,
    NOT_STOPPED,
    StopEvidence,
    stopped,
)

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext

BUTTON_SECONDS = 60.0
"""How long the server may take to do what a button says."""


class StoppedByServer(StopEvidence):
    """What is left of the scenario.

    Attributes:
        refreshed: What the server said to a refresh while a step ran.
        after_refresh: How the run was then.
        after_stop: How it was when it had had the time to end.
    """

    refreshed: Done = unseen(NOT_STOPPED)
    after_refresh: Standing = unseen(NOT_STOPPED)
    after_stop: Standing = unseen(NOT_STOPPED)


@scenario(StoppedByServer)
def run(context: ScenarioContext, seen: StoppedByServer) -> None:
    """While a step runs, a user clicks on ZenML's dashboard: refresh first, then stop.

    The server's process does both. It has nothing of the client's.
    """
    server = context.server
    assert server
    client = context.start("stopped-by-server", stopped)
    ran = context.wait_for_mark("stoppable-running")
    run = context.wait_for_submission(client, seconds=5)
    if run and ran:
        click = server.click
        seen.refreshed = click(f"runs/{run}/refresh", context.login, BUTTON_SECONDS)
        seen.after_refresh = context.standing(run)
        seen.stop = click(f"runs/{run}/stop", context.login, BUTTON_SECONDS, graceful=False)
        if not seen.stop.raised:
            context.wait_until(lambda: not context.standing(run).in_progress, CANCEL_SECONDS)
        seen.note_what_is_left(context)
        seen.after_stop = context.standing(run)
    context.mark("stoppable-release")
    context.finish(client)
    context.settle()
    seen.note_what_outlived(context, "stoppable")
