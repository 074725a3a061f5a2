"""The worst of names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml_conformance.context.evidence import Evidence
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.decorators import pipeline
from zenml_conformance.scenarios.shared.steps import source

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext

PIPELINES = ("x" * 199 + "1", "x" * 199 + "2", "1 Grüße / 世界: $(a) 'b'")
"""Their names: two that differ only at the end, and one that no scheduler would take."""

STEPS = [
    "9 Schritte / ステップ $(a) 'b'",
    *(f"a_step_whose_name_goes_on_and_on_{'x' * 60}_{n}" for n in range(11)),
]
"""Invocation ids, of the same kinds."""


class HostileNames(Evidence):
    """What is left of the scenario."""


def hostile_names(name: str) -> Any:
    """Steps with the worst of names, in a pipeline of any name.

    Args:
        name: The pipeline's name.

    Returns:
        The pipeline.
    """

    @pipeline(name=name, enable_cache=False)
    def named(probes: str, steps: int) -> None:
        for step_name in STEPS[:steps]:
            source(probes, id=step_name)

    return named


@scenario(HostileNames)
def run(context: ScenarioContext, seen: HostileNames) -> None:
    """Pipelines and steps have names that no scheduler would take as they are."""
    context.faults(hollow_steps=True)
    for number, name in enumerate(PIPELINES):
        steps = len(STEPS) if context.backend else 1
        context.submit(f"name-{number}", hostile_names, name=name, parameters={"steps": steps})
