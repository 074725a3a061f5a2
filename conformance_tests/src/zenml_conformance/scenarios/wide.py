"""A working day: a wide run and two small ones at once, from directories with `.zen`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from zenml_conformance.context.evidence import Evidence
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.decorators import pipeline, step
from zenml_conformance.scenarios.shared.probes import OWN_START_SECONDS, leave_probe

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext

BRANCHES = 8
"""Of three steps each: more steps than a page of ZenML's lists has (20)."""

FEW_BRANCHES = 2
"""On a backend of its own, which may take long for each step."""

LINGER_SECONDS = 0.4

SMALL = ("small-one", "small-two")
"""The other runs."""


class Wide(Evidence):
    """What is left of the scenario. Its first run is the wide one."""


@step
def tick(probes: str, value: int = 0, lingers: bool = False) -> int:
    """Take some time."""
    began = time.monotonic()
    if lingers:  # Longer than a step takes to start that should have waited for this one.
        time.sleep(max(LINGER_SECONDS, 2 * OWN_START_SECONDS))
    leave_probe(probes, began=began, ended=time.monotonic())
    return value + 1


@pipeline(enable_cache=False)
def wide(probes: str, branches: int) -> None:
    """Branches in which one step comes after two others.

    From branch to branch, it is the first or the second of the two that takes longer, and it is
    this one or the other that hands data over.
    """
    ends = []
    for number in range(branches):
        first, second = f"load {number}: A", f"load {number}: B"
        slow = number % 2
        values = [
            tick(probes, lingers=place == slow, id=name)
            for place, name in enumerate((first, second))
        ]
        source = number // 2 % 2
        end = f"train_{number}"
        tick(probes, values[source], after=[first, second], id=end)
        ends.append(end)
    tick(probes, after=ends, id="report")


@pipeline(enable_cache=False)
def small(probes: str) -> None:
    """Two steps."""
    tick(probes, tick(probes, id="first"), id="second")


@scenario(Wide)
def run(context: ScenarioContext, seen: Wide) -> None:
    """Three clients at once submit a wide run and two small ones, which have names of their own.

    Each does so from a directory with a `.zen` of its own.
    """
    context.initialise_repository("wide", *SMALL)
    branches = BRANCHES if context.backend else FEW_BRANCHES
    parameters: dict[str, Any] = {"branches": branches}
    clients = [context.start("wide", wide, options=_named("Wide run"), parameters=parameters)]
    clients += [context.start(name, small, options=_named(name)) for name in SMALL]
    for client in clients:
        context.finish(client)
    context.settle()


def _named(name: str) -> dict[str, Any]:
    return {"run_name": f"{name} {{date}} {{time}}"}
