"""Different values for every setting of an orchestrator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from zenml_conformance.context.evidence import Levels
from zenml_conformance.engine import session
from zenml_conformance.target.target import Target

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext

LEVELS = ("component", "pipeline", "step")


def values(context: ScenarioContext) -> dict[str, Levels]:
    """Choose a different value for each setting of the orchestrator on each level.

    Args:
        context: The scenario's bench.

    Returns:
        See `values_of`; nothing where there are no settings.
    """
    settings_class = context.orchestrator.settings_class
    return values_of(settings_class, Target.load(context.session.target)) if settings_class else {}


def configure_component(configuration: dict[str, str | int]) -> None:
    """Give settings on the level of the component.

    Args:
        configuration: Values of its configuration.
    """
    from zenml.client import Client
    from zenml.enums import StackComponentType

    Client().update_stack_component(
        session.stack(), StackComponentType.ORCHESTRATOR, configuration=configuration
    )


def values_of(settings_class: Any, target: Target) -> dict[str, Levels]:
    """Choose a different value for each setting on each level.

    What was chosen for the whole session, such as how long to wait, is left as it is.

    Args:
        settings_class: The orchestrator's settings.
        target: The orchestrator under test.

    Returns:
        For each field that takes a text or a whole number, the values by level. Those of a level
        are accepted together.
    """
    values: dict[str, Levels] = {}
    config_class = target.flavor.config_class
    for number, name in enumerate(settings_class.model_fields):
        if name in target.config:
            continue
        for kind in (str, int):
            given: Levels = {
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
