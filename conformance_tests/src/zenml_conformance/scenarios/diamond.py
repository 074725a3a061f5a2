"""The simplest thing that has everything: a diamond of four steps."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from zenml_conformance.context.evidence import Evidence, UnderClaim, unseen
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.decorators import pipeline, step
from zenml_conformance.scenarios.shared.probes import (
    MEETING_SECONDS,
    NASTY,
    OWN_START_SECONDS,
    SENTINEL,
    leave_probe,
    mark,
    wait_for_peer,
)
from zenml_conformance.scenarios.shared.steps import source

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext


LINGER_SECONDS = 2.0
"""How long one of two parallel steps goes on, at least."""


class Diamond(Evidence):
    """What is left of the scenario.

    Attributes:
        is_synchronous: What the orchestrator's configuration says of itself.
        outlived_client: Whether the run was under way when the client had ended.
    """

    is_synchronous: bool = unseen("no client got as far as to submit a run")
    outlived_client: bool = unseen("no client got as far as to submit a run")


@step
def meet(probes: str, own: str, other: str, value: int = 0, lingers: bool = False) -> int:
    """Look for a step that runs at the same time."""
    began = time.monotonic()
    mark(probes, own)
    met = wait_for_peer(probes, other, MEETING_SECONDS)
    if lingers:  # Longer than a step takes to start that should have waited for this one.
        time.sleep(max(LINGER_SECONDS, 2 * OWN_START_SECONDS))
    leave_probe(probes, began=began, ended=time.monotonic(), met=met)
    return value + 1


@step
def join(probes: str, left: int) -> int:
    """Come after everything else."""
    leave_probe(probes, began=time.monotonic(), ended=time.monotonic())
    return left + 1


@pipeline(enable_cache=False)
def diamond(probes: str) -> None:
    """One step function called twice between a source and a join; one edge carries no data."""
    first = source.with_options(
        environment={**NASTY, "CONFORMANCE_PLAIN": "source", "CONFORMANCE_Mixed_Case": "kept"}
    )(probes, first=True)
    left = meet.with_options(environment={"CONFORMANCE_OWN": "meet"})(
        probes, own="left", other="right", value=first
    )
    meet.with_options(environment={"CONFORMANCE_OWN": "meet_2", "CONFORMANCE_TOKEN": SENTINEL})(
        probes, own="right", other="left", lingers=True, after=["source"]
    )
    join(probes, left, after=["meet_2"])


@scenario(Diamond)
def run(context: ScenarioContext, seen: Diamond) -> None:
    """A diamond of four steps runs to its end."""
    from zenml_conformance.context import zenml_store

    client = context.start("diamond", diamond)
    if context.finish(client).run:
        seen.is_synchronous = context.orchestrator.config.is_synchronous
        seen.outlived_client = zenml_store.is_under_way()
    if not zenml_store.is_under_way() and not context.orchestrator.config.is_synchronous:
        detail = "the config's is_synchronous is False, and the client waits for the run's end"
        seen.under_claims = [UnderClaim(capability="synchronous", detail=detail)]
    context.settle()
