"""A job that dies before ZenML has heard of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml_conformance.context.evidence import Evidence
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.decorators import pipeline
from zenml_conformance.scenarios.shared.steps import source

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext


class NeverStarted(Evidence):
    """What is left of the scenario."""


@pipeline(enable_cache=False)
def never_started(probes: str) -> None:
    """A step whose interpreter dies before it has run a line, as with an image that is broken."""
    source.with_options(environment={"PYTHONHOME": "/nonexistent"})(probes, id="never_starts")


@scenario(NeverStarted)
def run(context: ScenarioContext, seen: NeverStarted) -> None:
    """A step's process dies before ZenML has recorded the step."""
    context.faults(cold_steps=["never_starts"])  # A fork has its interpreter already.
    context.submit("never-started", never_started)
    context.refresh()
