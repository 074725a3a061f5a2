"""A backend that takes no orchestration job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml_conformance.context.evidence import Evidence
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.decorators import pipeline
from zenml_conformance.scenarios.shared.steps import source

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext


OWN_CPU, OWN_MEMORY = 1.5, "700MiB"
"""What the pipeline asks for itself."""


class DynamicRejected(Evidence):
    """What is left of the scenario."""


@pipeline(
    dynamic=True,
    enable_cache=False,
    settings={"resources": {"cpu_count": OWN_CPU, "memory": OWN_MEMORY}},
)
def demanding(probes: str) -> None:
    """A pipeline that asks for something itself, and so for its steps."""
    source(probes)


@scenario(DynamicRejected)
def run(context: ScenarioContext, seen: DynamicRejected) -> None:
    """The backend refuses the job that would run the pipeline's code."""
    context.faults(accepts=0)
    context.submit("dynamic-rejected", demanding)
