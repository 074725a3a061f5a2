"""A stop of a pipeline that is code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.decorators import pipeline
from zenml_conformance.scenarios.shared.dynamic import ISOLATED
from zenml_conformance.scenarios.shared.steps import sink
from zenml_conformance.scenarios.shared.stopping import CANCEL_SECONDS, StopEvidence, stoppable
from zenml_conformance.target.capability import Capability

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext


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
def run(context: ScenarioContext, seen: StoppedDynamic) -> None:
    """A dynamic run is stopped while a step runs inline and another one isolated."""
    isolated = context.declares(Capability.ISOLATED_STEPS)
    client = context.start("stopped-dynamic", stopped_dynamic, parameters={"isolated": isolated})
    ran = context.wait_for_mark("stoppable-running") and (
        not isolated or context.wait_for_mark("isolated-running")
    )
    run = context.wait_for_submission(client, seconds=5)
    if run and ran:
        seen.stop = context.operate("stop", run=run, graceful=False)
    if context.backend:
        context.backend.drain(CANCEL_SECONDS)
    elif run and ran and not seen.stop.raised:
        context.wait_until(lambda: not context.standing(run).in_progress, CANCEL_SECONDS)
    seen.note_what_is_left(context)
    context.mark("stoppable-release")
    context.mark("isolated-release")
    context.finish(client)
    context.settle()
    seen.note_what_outlived(context, "stoppable", "isolated")
