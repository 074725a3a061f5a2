"""A stop that comes before anything has begun."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.stopping import StopEvidence, stopped

if TYPE_CHECKING:
    from zenml_conformance.lab.laboratory import Laboratory


class StoppedEarly(StopEvidence):
    """What is left of the scenario."""


@scenario(StoppedEarly)
def play(lab: Laboratory, seen: StoppedEarly) -> None:
    """A run is stopped before any of its jobs has started."""
    lab.faults(hold=("*", ""))
    client = lab.start("stopped-early", stopped)
    if run := lab.wait_for_submission(client):
        seen.stop = lab.operate("stop", run=run, graceful=False)
    seen.note_what_is_left(lab)
    lab.faults()
    lab.mark("stoppable-release")
    lab.finish(client)
    lab.settle()
