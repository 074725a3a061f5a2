"""A backend that takes the first job and no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml_conformance.context.evidence import ONLY_JOBS, Evidence, unseen
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.steps import released

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext


ROLL_BACK_SECONDS = 8.0
"""How long cancelled jobs may take to end: longer than the fake backend's patience."""


class RejectedMidway(Evidence):
    """What is left of the scenario."""

    left: list[str] = unseen(ONLY_JOBS)
    """Ids of the jobs that had not ended some time after the refusal."""


@scenario(RejectedMidway)
def run(context: ScenarioContext, seen: RejectedMidway) -> None:
    """The backend accepts one job and refuses the next; a step that was accepted would wait."""
    context.faults(accepts=1)
    client = context.start("rejected-midway", released)
    context.finish(client)
    if context.backend:
        seen.left = context.backend.drain(ROLL_BACK_SECONDS)
    context.mark("release")
    context.settle()
