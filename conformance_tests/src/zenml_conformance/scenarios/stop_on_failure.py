"""The execution mode STOP_ON_FAILURE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml_conformance.scenarios.fail_fast import Mode, play_mode
from zenml_conformance.scenarios.scenario import scenario

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext


class StopOnFailure(Mode):
    """What is left of the scenario."""


@scenario(StopOnFailure)
def run(context: ScenarioContext, seen: StopOnFailure) -> None:
    """A step fails beside a long one; that may end, nothing new may start."""
    play_mode(context, seen, "stop_on_failure", seconds=4.0)
