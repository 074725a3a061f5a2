"""A client that dies, and nothing else does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml_conformance.context.evidence import Evidence, unseen
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.steps import released

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext


KILLED_SECONDS = 10.0
"""How long a killed process may take to end, on a busy machine."""


class ClientKilled(Evidence):
    """What is left of the scenario."""

    submitted: bool = unseen("nothing was submitted whose client could be killed")
    """Whether submission had returned when it happened."""
    repository_written: bool = unseen(
        "submission had not returned, and what has written the file can't be told"
    )
    """Whether the client's `.zen/config.yaml` was written after that."""


@scenario(ClientKilled)
def run(context: ScenarioContext, seen: ClientKilled) -> None:
    """The client is killed as soon as submission has returned; the backend lives, and its jobs.

    It runs below a directory with `.zen`; what is written there afterwards, a job has written.
    """
    context.initialise_repository()
    client = context.start("client-killed", released)
    seen.submitted = context.wait_for_return(client)
    before = None
    if seen.submitted:
        client.kill()
        client.wait(KILLED_SECONDS)
        before = context.repository_version()
    context.mark("release")
    context.finish(client)
    context.settle()
    if before is not None:
        seen.repository_written = before != context.repository_version()
