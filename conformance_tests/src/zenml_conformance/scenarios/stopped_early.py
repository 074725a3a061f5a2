"""A stop that comes before anything has begun."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.stopping import StopEvidence, stopped

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext


class StoppedEarly(StopEvidence):
    """What is left of the scenario."""


@scenario(StoppedEarly)
def run(context: ScenarioContext, seen: StoppedEarly) -> None:
    """A run is stopped before any of its jobs has started."""
    context.faults(hold=("*", ""))
    client = context.start("stopped-early", stopped)
    if run := context.wait_for_submission(client):
        seen.stop = context.operate("stop", run=run, graceful=False)
    seen.note_what_is_left(context)
    context.faults()
    context.mark("stoppable-release")
    context.finish(client)
    context.settle()
