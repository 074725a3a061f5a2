"""A backend that takes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml_conformance.context.evidence import Evidence
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.decorators import pipeline
from zenml_conformance.scenarios.shared.steps import sink, source

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext


class Rejected(Evidence):
    """What is left of the scenario."""


@pipeline(enable_cache=False)
def chain(probes: str) -> None:
    """Two steps, one after the other."""
    sink(probes, source(probes))


@scenario(Rejected)
def run(context: ScenarioContext, seen: Rejected) -> None:
    """The backend refuses the first submission of all."""
    context.faults(accepts=0)
    context.submit("rejected", chain)
