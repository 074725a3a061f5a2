"""A backend that forgets a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml_conformance.context.evidence import Evidence, unseen
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.steps import released

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext


LOST_SECONDS = 12.0
"""How long the client may wait for a job that the backend does not know any more."""


class JobLost(Evidence):
    """What is left of the scenario."""

    step_ran: bool = unseen("nothing was submitted whose job could be lost")
    """Whether a step ran when it happened."""


@scenario(JobLost)
def run(context: ScenarioContext, seen: JobLost) -> None:
    """The backend loses the job of a running step: it is gone, and unknown from then on."""
    client = context.start("job-lost", released)
    seen.step_ran = context.wait_for_mark("running")
    if context.backend:
        for record in context.jobs:
            if record.job.step == "sleeper":
                context.backend.lose(record.id)
    context.finish(client, LOST_SECONDS)
    context.mark("release")
    context.settle(LOST_SECONDS)
    context.refresh()
