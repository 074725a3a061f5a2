"""A working day: a wide run and two small ones at once, from directories with `.zen`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from zenml_conformance.context.evidence import Evidence
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.decorators import pipeline, step
from zenml_conformance.scenarios.shared.probes import (
    OWN_START_SECONDS,
    leave_probe,
    mark,
    wait_for_peer,
)

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext

BRANCHES = 8
"""Of three steps each: more steps than a page of ZenML's lists has (20)."""

FEW_BRANCHES = 2
"""On a backend of its own, which may take long for each step."""

LINGER_SECONDS = 0.4

OUTLIVE_SECONDS = 15.0
"""How long a step waits for the end of each one that it is to outlive."""

SMALL = ("small-one", "small-two")
"""The other runs."""


class Wide(Evidence):
    """What is left of the scenario. Its first run is the wide one."""


@step
def tick(
    probes: str,
    value: int = 0,
    lingers: bool = False,
    outlives: list[str] | None = None,
) -> int:
    """Take some time, and say so when it is over."""
    from zenml import get_step_context

    began = time.monotonic()
    for other in outlives or ():
        wait_for_peer(probes, other, OUTLIVE_SECONDS)
    if lingers:  # Longer than a step takes to start that should have waited for this one.
        time.sleep(max(LINGER_SECONDS, 2 * OWN_START_SECONDS))
    leave_probe(probes, began=began, ended=time.monotonic())
    mark(probes, get_step_context().step_run.name)
    return value + 1


@pipeline(enable_cache=False)
def wide(probes: str, branches: int, at_once: bool) -> None:
    """Branches in which one step comes after two others, and two steps that come after many.

    From branch to branch, it is the first or the second of the two that ends later, and it is this
    one or the other that hands data over. Of the many, the first one ends last, or the last one.

    Args:
        probes: Directory of the scenario's probes.
        branches: How many.
        at_once: Whether steps that may run at the same time are sure to: then they wait for each
            other, and which of them ends later is not left to chance.
    """
    firsts, seconds = ([f"load {i}: {letter}" for i in range(branches)] for letter in "AB")
    ends = [f"train_{i}" for i in range(branches)]
    outlives = {first: [second] for first, second in zip(firsts[::2], seconds[::2], strict=True)}
    outlives |= {second: [first] for first, second in zip(firsts[1::2], seconds[1::2], strict=True)}
    outlives[firsts[0]] += firsts[1:]
    outlives[ends[-1]] = ends[:-1]

    def ticking(name: str, **options: Any) -> Any:
        others = outlives.get(name)
        options.update(lingers=bool(others), outlives=others if at_once else None)
        return tick(probes, id=name, **options)

    for i, (first, second, end) in enumerate(zip(firsts, seconds, ends, strict=True)):
        values = ticking(first), ticking(second)
        ticking(end, value=values[i // 2 % 2], after=[first, second])
    tick(probes, after=firsts, id="summary")
    tick(probes, after=ends, id="report")


@pipeline(enable_cache=False)
def small(probes: str) -> None:
    """Two steps."""
    tick(probes, value=tick(probes, id="first"), id="second")


@scenario(Wide)
def run(context: ScenarioContext, seen: Wide) -> None:
    """Three clients at once submit a wide run and two small ones, which have names of their own.

    Each does so from a directory with a `.zen` of its own.
    """
    context.initialise_repository("wide", *SMALL)
    branches = BRANCHES if context.backend else FEW_BRANCHES
    parameters: dict[str, Any] = {"branches": branches, "at_once": bool(context.backend)}
    clients = [context.start("wide", wide, options=_named("Wide run"), parameters=parameters)]
    clients += [context.start(name, small, options=_named(name)) for name in SMALL]
    for client in clients:
        context.finish(client)
    context.settle()


def _named(name: str) -> dict[str, Any]:
    return {"run_name": f"{name} {{date}} {{time}}"}
