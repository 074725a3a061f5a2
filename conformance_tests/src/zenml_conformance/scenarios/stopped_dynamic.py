"""A stop of a pipeline that is code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml_conformance.rule import Capability
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.decorators import pipeline
from zenml_conformance.scenarios.shared.dynamic import ISOLATED
from zenml_conformance.scenarios.shared.steps import sink
from zenml_conformance.scenarios.shared.stopping import CANCEL_SECONDS, StopEvidence, stoppable

if TYPE_CHECKING:
    from zenml_conformance.lab.laboratory import Laboratory


class StoppedDynamic(StopEvidence):
    """What is left of the scenario."""


@pipeline(dynamic=True, enable_cache=False, enable_heartbeat=False)
def stopped_dynamic(probes: str, isolated: bool) -> None:
    """A step that runs in the pipeline's own process, one in a job of its own, and one after."""
    options = ISOLATED if isolated else {}
    own = stoppable.with_options(**options)
    waiting = own.submit(probes, 30.0, name="isolated", id="isolated") if isolated else None
    inline = stoppable(probes, 30.0, id="inline")
    sink(probes, inline, id="after_inline")
    if waiting:
        waiting.wait()


@scenario(StoppedDynamic)
def play(lab: Laboratory, seen: StoppedDynamic) -> None:
    """A dynamic run is stopped while a step runs inline and another one isolated."""
    isolated = lab.declares(Capability.ISOLATED_STEPS)
    client = lab.start("stopped-dynamic", stopped_dynamic, parameters={"isolated": isolated})
    ran = lab.wait_for_mark("stoppable-running") and (
        not isolated or lab.wait_for_mark("isolated-running")
    )
    run = lab.wait_for_submission(client, seconds=5)
    if run and ran:
        seen.stop = lab.operate("stop", run=run, graceful=False)
    if lab.backend:
        lab.backend.drain(CANCEL_SECONDS)
    elif run and ran and not seen.stop.raised:
        lab.wait_until(lambda: not lab.standing(run).in_progress, CANCEL_SECONDS)
    seen.note_what_is_left(lab)
    lab.mark("stoppable-release")
    lab.mark("isolated-release")
    lab.finish(client)
    lab.settle()
    seen.note_what_outlived(lab, "stoppable", "isolated")
