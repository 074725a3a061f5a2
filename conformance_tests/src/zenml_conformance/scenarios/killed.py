"""Steps that the kernel kills."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml_conformance.context.evidence import Evidence
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.decorators import pipeline
from zenml_conformance.scenarios.shared.steps import sink, victim

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext


class Killed(Evidence):
    """What is left of the scenario."""


@pipeline(enable_cache=False)
def killed(probes: str) -> None:
    """A step that is killed, one that needs it, and one that is killed with a retry to its name."""
    from zenml.config.retry_config import StepRetryConfig

    sink(probes, victim(probes), id="after_victim")
    retry = StepRetryConfig(max_retries=1, delay=0, backoff=1)
    victim.with_options(retry=retry)(probes, id="retriable_victim")


@scenario(Killed)
def run(context: ScenarioContext, seen: Killed) -> None:
    """The kernel kills a step."""
    context.submit("killed", killed)
    context.refresh()
