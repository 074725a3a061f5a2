"""A backend that forgets a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml_conformance.lab.evidence import Evidence, unseen
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.steps import released

if TYPE_CHECKING:
    from zenml_conformance.lab.laboratory import Laboratory


LOST_SECONDS = 12.0
"""How long the client may wait for a job that the backend does not know any more."""


class JobLost(Evidence):
    """What is left of the scenario."""

    step_ran: bool = unseen("nothing was submitted whose job could be lost")
    """Whether a step ran when it happened."""


@scenario(JobLost)
def play(lab: Laboratory, seen: JobLost) -> None:
    """The backend loses the job of a running step: it is gone, and unknown from then on."""
    client = lab.start("job-lost", released)
    seen.step_ran = lab.wait_for_mark("running")
    if lab.backend:
        for record in lab.jobs:
            if record.job.step == "sleeper":
                lab.backend.lose(record.id)
    lab.finish(client, LOST_SECONDS)
    lab.mark("release")
    lab.settle(LOST_SECONDS)
    lab.refresh()
