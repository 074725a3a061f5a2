"""A stop that lets what runs end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml_conformance.lab.evidence import Refresh, Standing, unseen
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.stopping import NOT_STOPPED, StopEvidence, stopped

if TYPE_CHECKING:
    from zenml_conformance.lab.laboratory import Laboratory


class StoppedGracefully(StopEvidence):
    """What is left of the scenario.

    Attributes:
        after_stop: How the run was when the stop had returned.
        stopping: What was said of it next.
    """

    after_stop: Standing = unseen(NOT_STOPPED)
    stopping: Refresh = unseen("no run could be refreshed while it was being stopped")


@scenario(StoppedGracefully)
def play(lab: Laboratory, seen: StoppedGracefully) -> None:
    """A run is stopped gracefully: what runs may end, and is asked about while it does."""
    lab.faults(hold=("queued",))
    client = lab.start("stopped-gracefully", stopped)
    ran = lab.wait_for_mark("stoppable-running")
    run = lab.wait_for_submission(client, seconds=5)
    if run and ran:
        seen.stop = lab.operate("stop", run=run, graceful=True)
        seen.after_stop = lab.standing(run)
        seen.stopping = lab.look(run)
    lab.faults()
    lab.mark("stoppable-release")
    lab.finish(client)
    lab.settle()
    lab.refresh()
