"""Two users of one ZenML server, whose runs are under way at the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from zenml_conformance.context.evidence import Evidence
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.two_runs import (
    FIRST,
    SECOND,
    first_of_two,
    second_of_two,
)

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext

COLLEAGUE = "colleague"
"""The second user."""

SUBMISSION_SECONDS = 120.0
"""How long the first user's step waits for that of the second one's run."""


class TwoUsers(Evidence):
    """What is left of the scenario.

    Attributes:
        submitted_by: Who has submitted each run, by ZenML's id of it.
        at_once: Whether both runs had a step that ran when the other one's did.
    """

    submitted_by: dict[str, str] = Field(default_factory=dict)
    at_once: bool = False


@scenario(TwoUsers)
def run(context: ScenarioContext, seen: TwoUsers) -> None:
    """While a step of one user's run goes on, another user of the server submits a run."""
    from zenml_conformance.context.zenml_server import USER

    context.log_in_as(COLLEAGUE, client=SECOND)
    patience: dict[str, Any] = {"seconds": SUBMISSION_SECONDS}
    clients = {USER: context.start(FIRST, first_of_two, parameters=patience)}
    context.wait_for_mark(FIRST)
    clients[COLLEAGUE] = context.start(SECOND, second_of_two, parameters=patience)
    seen.at_once = context.wait_for_mark(SECOND)
    for client in clients.values():
        context.finish(client)
    context.settle()
    seen.submitted_by = {str(client.run): user for user, client in clients.items()}
