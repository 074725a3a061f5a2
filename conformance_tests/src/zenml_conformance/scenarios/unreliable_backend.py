"""A backend that has a bad minute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml_conformance.context.evidence import ONLY_JOBS, Evidence, unseen
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.steps import released

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext


UNANSWERED = 3
"""How many questions in a row the backend does not answer."""


class UnreliableBackend(Evidence):
    """What is left of the scenario."""

    step_ran: bool = unseen("nothing was submitted that the backend could be asked about")
    """Whether a step ran when it happened."""
    unanswered: int = unseen(ONLY_JOBS)
    """How many questions were not answered."""


@scenario(UnreliableBackend)
def run(context: ScenarioContext, seen: UnreliableBackend) -> None:
    """While a step runs, the backend fails to answer a few times; then it is well again."""
    client = context.start("unreliable-backend", released)
    seen.step_ran = context.wait_for_mark("running")
    context.faults(status_fails=UNANSWERED)
    context.mark("release")
    context.finish(client)
    context.settle()
    if context.backend:
        seen.unanswered = context.backend.unanswered()
