"""Every setting of an orchestrator, given a different value on each of the three levels."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

if TYPE_CHECKING:
    from zenml_conformance.lab.laboratory import Laboratory

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
    chosen = Target.load(lab.session.target).config
    values = values_of(settings_class, chosen) if settings_class else {}
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


def values_of(settings_class: Any, chosen: Collection[str]) -> dict[str, dict[str, Any]]:
    """Choose a different value for each setting on each level.

    Args:
        settings_class: The orchestrator's settings.
        chosen: Those that keep what was chosen for the whole session, such as how long to wait.

    Returns:
        For each field that takes a text or a whole number, the values by level.
    """
    values: dict[str, dict[str, Any]] = {}
    for number, name in enumerate(settings_class.model_fields):
        if name in chosen:
            continue
        for kind in (str, int):
            given: dict[str, Any] = {
                level: f"conformance-{level}-{name}".replace("_", "-")
                if kind is str
                else 4000 + 10 * number + LEVELS.index(level)
                for level in LEVELS
            }
            if all(_takes(settings_class, name, value) for value in given.values()):
                values[name] = given
                break
    return values


def _takes(settings_class: Any, name: str, value: Any) -> bool:
    try:
        return bool(getattr(settings_class(**{name: value}), name) == value)
    except ValidationError:
        return False
