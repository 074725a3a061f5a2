"""A coordinator that dies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml_conformance.context.evidence import Evidence, unseen
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.steps import released

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext


class CoordinatorKilled(Evidence):
    """What is left of the scenario."""

    step_ran: bool = unseen("nothing was submitted whose coordinator could be killed")
    """Whether a step ran when it happened."""


@scenario(CoordinatorKilled)
def run(context: ScenarioContext, seen: CoordinatorKilled) -> None:
    """What walks the DAG is killed while a step runs: the client, and every job that submits."""
    client = context.start("coordinator-killed", released)
    seen.step_ran = context.wait_for_mark("running")
    client.kill()
    if context.backend:
        for record in context.coordinators():
            context.backend.kill(record.id)
    context.mark("release")
    context.finish(client)
    context.settle()
    context.refresh()
