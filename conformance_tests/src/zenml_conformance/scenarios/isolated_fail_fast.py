"""FAIL_FAST, and an isolated step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml_conformance.context.evidence import Evidence, unseen
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.decorators import pipeline
from zenml_conformance.scenarios.shared.dynamic import FATE_SECONDS, ISOLATED, enter
from zenml_conformance.scenarios.shared.probes import wait_for_mark
from zenml_conformance.scenarios.shared.steps import boom, sleeper

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext


class IsolatedFailFast(Evidence):
    """What is left of the scenario.

    Attributes:
        ran: Whether the isolated step was begun.
        ended_by_itself: Whether it ran to its end.
    """

    ran: bool = unseen("no pipeline was run in FAIL_FAST")
    ended_by_itself: bool = unseen("no pipeline was run in FAIL_FAST")


@pipeline(dynamic=True, enable_cache=False)
def fail_fast(probes: str) -> None:
    """An isolated step that takes long, beside one that fails."""
    enter(probes)
    sleeping = sleeper.with_options(**ISOLATED).submit(probes, 15.0)
    wait_for_mark(probes, "running", 30.0)
    boom(probes)
    sleeping.wait()


@scenario(IsolatedFailFast)
def run(context: ScenarioContext, seen: IsolatedFailFast) -> None:
    """A step fails beside a long isolated one, which must be ended."""
    client = context.start("isolated-fail-fast", fail_fast, options={"execution_mode": "fail_fast"})
    context.finish(client, FATE_SECONDS)
    context.settle(FATE_SECONDS)
    seen.ran = context.marked("running")
    seen.ended_by_itself = context.marked("slept")
