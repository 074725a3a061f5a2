"""The login of whoever submitted a run ends before the run does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml_conformance.context.evidence import Evidence, unseen
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.steps import released

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext


class LoginEnded(Evidence):
    """What is left of the scenario."""

    step_ran: bool = unseen("there was no server, whose logins end")
    """Whether a step ran when it happened."""


@scenario(LoginEnded)
def run(context: ScenarioContext, seen: LoginEnded) -> None:
    """While a step runs, ZenML's server ceases to accept the token of the client's login."""
    client = context.start("login-ended", released)
    seen.step_ran = context.wait_for_mark("running")
    context.wait_for_return(client)
    assert context.server
    context.server.refuse(context.login)
    context.mark("release")
    context.finish(client)
    context.settle()
