"""The login of the user who submitted a run ends before the run does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from zenml_conformance.context.evidence import ONLY_SERVERS, Evidence, unseen
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.steps import released

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext

IDLE_SECONDS = 5.0
"""How long nothing happens but that a step runs."""


class LoginEnded(Evidence):
    """What is left of the scenario.

    Attributes:
        step_ran: Whether a step ran when it happened.
        asked: The requests that came before, while nothing but that step happened; not those of
            the step's own process.
    """

    step_ran: bool = unseen(ONLY_SERVERS)
    asked: list[str] = unseen(ONLY_SERVERS)


@scenario(LoginEnded)
def run(context: ScenarioContext, seen: LoginEnded) -> None:
    """While a step runs, ZenML's server ceases to accept the token of the client's login.

    Before that, nothing happens for some seconds, and the server counts who asks all the same.
    """
    server = context.server
    assert server
    client = context.start("login-ended", released)
    seen.step_ran = context.wait_for_mark("running")
    context.wait_for_return(client)
    time.sleep(1.0)  # What submission and the start of the step have left to say.
    before = len(server.requests())
    time.sleep(IDLE_SECONDS)
    since = server.requests()[before:]
    seen.asked = [request for request in since if not request.endswith("/heartbeat")]
    server.refuse(context.login)
    context.mark("release")
    context.finish(client)
    context.settle()
