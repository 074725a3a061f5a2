"""What a scenario is: a function that makes things happen, and judges none of them."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from zenml_conformance.context.evidence import Evidence

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext

E = TypeVar("E", bound=Evidence)


@dataclass(frozen=True)
class Scenario:
    """A scenario.

    Attributes:
        name: The name of its module.
        evidence: The class of what it leaves.
        run: Runs it, and fills the evidence in.
        sentence: What happens in it.
    """

    name: str
    evidence: type[Evidence]
    run: Callable[[ScenarioContext, Any], None]
    sentence: str


SCENARIOS: dict[str, Scenario] = {}
"""Every scenario that has been imported, by name; `contract.rules` imports all of them."""


def scenario(
    evidence: type[E],
) -> Callable[[Callable[[ScenarioContext, E], None]], Callable[[ScenarioContext, E], None]]:
    """Make a scenario of a function. Its docstring says what happens.

    Args:
        evidence: The class of what it leaves, and of no other scenario.

    Returns:
        A decorator that leaves the function as it is.
    """

    def register(run: Callable[[ScenarioContext, E], None]) -> Callable[[ScenarioContext, E], None]:
        name = run.__module__.rpartition(".")[2]
        sentence = " ".join((inspect.getdoc(run) or "").split())
        SCENARIOS[name] = Scenario(name, evidence, run, sentence)
        evidence.SCENARIO = name
        return run

    return register


def load(name: str) -> Scenario:
    """Import a scenario.

    Args:
        name: Its name.

    Returns:
        The scenario.
    """
    if name not in SCENARIOS:
        importlib.import_module(f"{__package__}.{name}")
    return SCENARIOS[name]
