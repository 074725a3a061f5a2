"""Two users of one ZenML server, whose runs are under way at the same time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pydantic import Field

from zenml_conformance.context.evidence import Evidence
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.decorators import pipeline, step
from zenml_conformance.scenarios.shared.probes import leave_probe, mark, wait_for_mark
from zenml_conformance.scenarios.shared.steps import sink

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


@step
def work(probes: str, own: str, other: str) -> int:
    """Go on until a step of the other user's run has begun, too."""
    began = time.monotonic()
    mark(probes, own)
    met = wait_for_mark(probes, other, SUBMISSION_SECONDS)
    leave_probe(probes, began=began, ended=time.monotonic(), met=met)
    return 1


@pipeline(enable_cache=False)
def one_users(probes: str) -> None:
    """Two steps of the first user's."""
    sink(probes, work(probes, own="first", other="second", id="source"))


@pipeline(enable_cache=False)
def the_other_ones(probes: str) -> None:
    """Two steps of the second user's."""
    sink(probes, work(probes, own="second", other="first", id="source"))


@scenario(TwoUsers)
def run(context: ScenarioContext, seen: TwoUsers) -> None:
    """While a step of one user's run goes on, another user of the server submits a run."""
    from zenml_conformance.context.zenml_server import USER

    context.log_in_as(COLLEAGUE, client="second")
    clients = {USER: context.start("first", one_users)}
    context.wait_for_mark("first")
    clients[COLLEAGUE] = context.start("second", the_other_ones)
    seen.at_once = context.wait_for_mark("second")
    for client in clients.values():
        context.finish(client)
    context.settle()
    seen.submitted_by = {str(client.run): user for user, client in clients.items()}
