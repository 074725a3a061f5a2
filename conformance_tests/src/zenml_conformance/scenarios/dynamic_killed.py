"""An orchestration job that dies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml_conformance.context.evidence import Evidence, unseen
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.decorators import pipeline
from zenml_conformance.scenarios.shared.dynamic import FATE_SECONDS, enter
from zenml_conformance.scenarios.shared.steps import sink, sleeper

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext


class DynamicKilled(Evidence):
    """What is left of the scenario.

    Attributes:
        step_ran: Whether a step ran when it happened.
        killed: The jobs that were killed beside the client.
    """

    step_ran: bool = unseen("no pipeline was run whose code could be killed")
    killed: list[str] = unseen("the suite can't reach the process that runs the pipeline's code")


@pipeline(dynamic=True, enable_cache=False)
def killed(probes: str) -> None:
    """An inline step during which everything dies, and one after it."""
    enter(probes)
    sink(probes, sleeper(probes, 30.0))


@scenario(DynamicKilled)
def run(context: ScenarioContext, seen: DynamicKilled) -> None:
    """The process that runs the pipeline's code is killed, and the client; it stays dead."""
    client = context.start("dynamic-killed", killed)
    seen.step_ran = context.wait_for_mark("running", FATE_SECONDS)
    jobs = context.jobs_of(None)
    client.kill()
    if context.backend:
        seen.killed = [record.job.name for record in jobs]
        for record in jobs:
            context.backend.kill(record.id)
    context.finish(client)
    context.mark("release")
    context.settle()
    context.refresh()
