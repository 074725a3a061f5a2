"""A stop that lets what runs end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml_conformance.context.evidence import Refresh, Standing, unseen
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.stopping import NOT_STOPPED, StopEvidence, stopped

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext


class StoppedGracefully(StopEvidence):
    """What is left of the scenario.

    Attributes:
        after_stop: How the run was when the stop had returned.
        stopping: What was said of it next.
    """

    after_stop: Standing = unseen(NOT_STOPPED)
    stopping: Refresh = unseen("no run could be refreshed while it was being stopped")


@scenario(StoppedGracefully)
def run(context: ScenarioContext, seen: StoppedGracefully) -> None:
    """A run is stopped gracefully: what runs may end, and is asked about while it does."""
    context.faults(hold=("queued",))
    client = context.start("stopped-gracefully", stopped)
    ran = context.wait_for_mark("stoppable-running")
    run = context.wait_for_submission(client, seconds=5)
    if run and ran:
        seen.stop = context.operate("stop", run=run, graceful=True)
        seen.after_stop = context.standing(run)
        seen.stopping = context.look(run)
    context.faults()
    context.mark("stoppable-release")
    context.finish(client)
    context.settle()
    context.refresh()
