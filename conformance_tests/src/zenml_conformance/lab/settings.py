"""Every setting of an orchestrator, given a different value on each of the three levels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

if TYPE_CHECKING:
    from zenml_conformance.lab.laboratory import Laboratory
    from zenml_conformance.target import Target

LEVELS = ("component", "pipeline", "step")


def submit_levels(lab: Laboratory) -> None:
    """Submit one pipeline with settings on all levels, and one with the component's only.

    Args:
        lab: The scenario's bench. Its evidence gets the fact `settings`: for each field that
            takes a text or a whole number, the value given on each level.
    """
    from zenml.client import Client
    from zenml.enums import StackComponentType

    from zenml_conformance.store import STACK
    from zenml_conformance.target import Target

    settings_class = Client().active_stack.orchestrator.settings_class
    target = Target.load(lab.session.target)
    values = values_of(settings_class, target) if settings_class else {}
    lab.evidence.facts["settings"] = values
    if not values:
        return
    levels = {level: {name: given[level] for name, given in values.items()} for level in LEVELS}
    Client().update_stack_component(
        STACK, StackComponentType.ORCHESTRATOR, configuration=levels["component"]
    )
    lab.submit(
        "all-levels",
        "static:settings",
        parameters={"step_settings": {"orchestrator": levels["step"]}},
        options={"settings": {"orchestrator": levels["pipeline"]}},
    )
    lab.submit("component-only", "static:settings", parameters={"step_settings": {}})


def values_of(settings_class: Any, target: Target) -> dict[str, dict[str, Any]]:
    """Choose a different value for each setting on each level.

    What was chosen for the whole session, such as how long to wait, is left as it is.

    Args:
        settings_class: The orchestrator's settings.
        target: The orchestrator under test.

    Returns:
        For each field that takes a text or a whole number, the values by level. Those of a level
        are accepted together.
    """
    values: dict[str, dict[str, Any]] = {}
    config_class = target.flavor.config_class
    for number, name in enumerate(settings_class.model_fields):
        if name in target.config:
            continue
        for kind in (str, int):
            given: dict[str, Any] = {
                level: f"conformance-{level}-{name}".replace("_", "-")
                if kind is str
                else 4000 + 10 * number + LEVELS.index(level)
                for level in LEVELS
            }
            levels = [
                {**{known: value[level] for known, value in values.items()}, name: given[level]}
                for level in LEVELS
            ]
            if all(
                _takes(settings_class, name, level)
                and _takes(config_class, name, {**target.config, **level})
                for level in levels
            ):
                values[name] = given
                break
    return values


def _takes(model: Any, name: str, values: dict[str, Any]) -> bool:
    """Whether a model accepts some values, and keeps one of them as it is."""
    try:
        return bool(getattr(model(**values), name) == values[name])
    except (ValidationError, AttributeError):
        return False
