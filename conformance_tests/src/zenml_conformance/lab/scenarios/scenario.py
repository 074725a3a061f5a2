"""What a scenario is: a function that makes things happen, and judges none of them."""

from __future__ import annotations

from collections.abc import Callable

from zenml_conformance.lab.laboratory import Laboratory

Scenario = Callable[[Laboratory], None]

SCENARIOS: dict[str, Scenario] = {}
"""Every scenario, by name."""


def scenario(function: Scenario) -> Scenario:
    """Register a scenario under its function's name.

    Args:
        function: Plays the scenario.

    Returns:
        The function.
    """
    SCENARIOS[function.__name__] = function
    return function
