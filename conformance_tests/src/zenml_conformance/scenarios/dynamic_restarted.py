"""An orchestration job that the backend runs again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml_conformance.context.evidence import unseen
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.decorators import pipeline
from zenml_conformance.scenarios.shared.dynamic import (
    FATE_SECONDS,
    HANG_SECONDS,
    ISOLATED,
    DynamicEvidence,
    enter,
    wait_until_submitted,
)
from zenml_conformance.scenarios.shared.probes import mark, wait_for_mark
from zenml_conformance.scenarios.shared.steps import sink, sleeper, source
from zenml_conformance.target.capability import Capability

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext


class DynamicRestarted(DynamicEvidence):
    """What is left of the scenario.

    Attributes:
        restarted: Whether there was a job that was run again.
    """

    restarted: bool = unseen("the suite can't run the pipeline's code again")


@pipeline(dynamic=True, enable_cache=False)
def restarted(probes: str, isolated: bool) -> None:
    """A step that is done, one that goes on while the pipeline's code is started again, a last."""
    before = enter(probes)
    first = source(probes)
    if isolated:
        running = sleeper.with_options(**ISOLATED).submit(probes, 30.0)
        mark(probes, f"attached-{before}")
        running.wait()
    else:
        mark(probes, "running")
        mark(probes, f"attached-{before}")
        wait_for_mark(probes, "release", 30.0)
    sink(probes, first)


@scenario(DynamicRestarted)
def run(context: ScenarioContext, seen: DynamicRestarted) -> None:
    """The backend runs the pipeline's code again, elsewhere, while an isolated step goes on."""
    isolated = context.declares(Capability.ISOLATED_STEPS)
    client = context.start("dynamic-restarted", restarted, parameters={"isolated": isolated})
    began = context.wait_for_mark("attached-0", FATE_SECONDS) and context.wait_for_mark("running")
    if context.backend and began and (not isolated or wait_until_submitted(context, "sleeper")):
        jobs = context.jobs_of(None)
        for record in jobs:
            context.backend.requeue(record.id)
        seen.restarted = bool(jobs)
        if jobs:
            context.wait_for_mark("attached-1", seconds=FATE_SECONDS)
        if jobs and isolated:
            # What the new process believes of the step must be in the store while it runs.
            context.wait_for_mark("acted-1-sleeper", seconds=HANG_SECONDS)
    context.mark("release")
    context.finish(client, FATE_SECONDS)
    context.settle(FATE_SECONDS)
    seen.note(context)
