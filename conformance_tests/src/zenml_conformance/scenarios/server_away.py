"""ZenML's server fails between two steps, and is started again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml_conformance.context.evidence import ONLY_SERVERS, Evidence, unseen
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.steps import released

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext

AWAY_SECONDS = 3.0
"""How long the server fails at most: a process that waits for a step asks within that."""


class ServerAway(Evidence):
    """What is left of the scenario.

    Attributes:
        step_ran: Whether a step ran before the server failed.
        asked: Whether any process asked it meanwhile.
    """

    step_ran: bool = unseen(ONLY_SERVERS)
    asked: bool = unseen(ONLY_SERVERS)


@scenario(ServerAway)
def run(context: ScenarioContext, seen: ServerAway) -> None:
    """Between two steps, ZenML's server answers with errors, is killed, and comes back.

    As soon as the first has reported its end, and before the second can start.
    """
    server = context.server
    assert server
    context.faults(hold=("after_sleeper",))
    client = context.start("server-away", released)
    seen.step_ran = context.wait_for_mark("running")
    context.wait_for_return(client)
    server.fail_after_a_step()
    context.mark("release")
    context.wait_until(lambda: server.fails, AWAY_SECONDS)
    context.wait_until(lambda: server.has_failed, AWAY_SECONDS)
    seen.asked = server.has_failed
    server.stop()
    server.recover()
    server.start()
    context.faults()
    context.finish(client)
    context.settle()
