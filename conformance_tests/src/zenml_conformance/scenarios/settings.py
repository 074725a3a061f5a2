"""Every setting of an orchestrator, given a different value on each of the three levels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml_conformance.context.evidence import Evidence, Levels, unseen
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.decorators import pipeline
from zenml_conformance.scenarios.shared.steps import source

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext


class Settings(Evidence):
    """What is left of the scenario."""

    given: dict[str, Levels] = unseen("the orchestrator's settings were not read")
    """For each setting that takes a text or a whole number, its value on each level."""


@pipeline(enable_cache=False)
def settings(probes: str, step_settings: dict[str, Any]) -> None:
    """A step with settings of its own, and one that has the pipeline's."""
    source.with_options(settings=step_settings)(probes, id="own")
    source(probes, id="inherited")


@scenario(Settings)
def run(context: ScenarioContext, seen: Settings) -> None:
    """Every setting is given on the component, the pipeline and the step. No step is run."""
    from zenml_conformance.context.settings import LEVELS, configure_component, values

    context.faults(hollow_steps=True)
    seen.given = values(context)
    if not seen.given:
        return
    component, of_pipeline, of_step = (
        {name: given[level] for name, given in seen.given.items()} for level in LEVELS
    )
    configure_component(component)
    context.submit(
        "all-levels",
        settings,
        parameters={"step_settings": {"orchestrator": of_step}},
        options={"settings": {"orchestrator": of_pipeline}},
    )
    context.submit("component-only", settings, parameters={"step_settings": {}})
