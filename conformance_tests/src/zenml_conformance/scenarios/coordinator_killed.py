"""A coordinator that dies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml_conformance.lab.evidence import Evidence, unseen
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.steps import released

if TYPE_CHECKING:
    from zenml_conformance.lab.laboratory import Laboratory


class CoordinatorKilled(Evidence):
    """What is left of the scenario."""

    step_ran: bool = unseen("nothing was submitted whose coordinator could be killed")
    """Whether a step ran when it happened."""


@scenario(CoordinatorKilled)
def play(lab: Laboratory, seen: CoordinatorKilled) -> None:
    """What walks the DAG is killed while a step runs: the client, and every job that submits."""
    client = lab.start("coordinator-killed", released)
    seen.step_ran = lab.wait_for_mark("running")
    client.kill()
    if lab.backend:
        for record in lab.coordinators():
            lab.backend.kill(record.id)
    lab.mark("release")
    lab.finish(client)
    lab.settle()
    lab.refresh()
