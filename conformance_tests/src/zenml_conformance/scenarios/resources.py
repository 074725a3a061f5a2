"""What steps ask for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from zenml_conformance.context.evidence import Evidence
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.decorators import pipeline, step
from zenml_conformance.scenarios.shared.probes import leave_probe, mark, wait_for_mark
from zenml_conformance.scenarios.shared.steps import source

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext

Request = dict[str, float | str]
"""Fields of ZenML's `ResourceSettings`."""

RESOURCES: dict[str, Request] = {
    "unset": {},
    "half_cpu": {"cpu_count": 0.5},
    "three_cpus": {"cpu_count": 3},
    "no_gpu": {"gpu_count": 0},
    "two_gpus": {"gpu_count": 2},
    "memory_kb": {"memory": "3KB"},
    "memory_kib": {"memory": "3KiB"},
    "memory_mb": {"memory": "3MB"},
    "memory_mib": {"memory": "3MiB"},
    "memory_gb": {"memory": "3GB"},
    "memory_gib": {"memory": "3GiB"},
    "memory_tb": {"memory": "3TB"},
    "memory_tib": {"memory": "3TiB"},
    "memory_pb": {"memory": "3PB"},
    "memory_pib": {"memory": "3PiB"},
}
"""One step for each; the keys are the invocation ids."""

SMALL_RESOURCES: dict[str, Request] = {
    "unset": {},
    "two_cpus": {"cpu_count": 2},
    "memory_700mb": {"memory": "700MB"},
    "memory_700mib": {"memory": "700MiB"},
    "no_gpu": {"gpu_count": 0},
}
"""What any backend has, and is enough for ZenML to run in."""

OPERATORS_RESOURCES: Request = {"cpu_count": 7, "gpu_count": 7, "memory": "7GiB"}


class Resources(Evidence):
    """What is left of the scenario."""


@pipeline(enable_cache=False)
def resources(probes: str) -> None:
    """Steps that ask for one thing each."""
    for name, asked in RESOURCES.items():
        settings = {"resources": asked} if asked else {}
        source.with_options(settings=settings)(probes, id=name)


@pipeline(enable_cache=False)
def operated(probes: str) -> None:
    """A step that a step operator runs, with resources meant for that, and one beside it."""
    on_operator = source.with_options(
        step_operator=True, settings={"resources": OPERATORS_RESOURCES}
    )
    on_operator(probes, id="on_operator")
    source(probes, id="beside")


@step
def looked_at(probes: str, name: str) -> int:
    """Run until what its job has on record has been read."""
    began = time.monotonic()
    mark(probes, f"{name}-running")
    wait_for_mark(probes, f"{name}-read", 30.0)
    leave_probe(probes, began=began, ended=time.monotonic())
    return 1


@pipeline(enable_cache=False)
def small_resources(probes: str) -> None:
    """Steps that ask for one thing each, for orchestrators that keep their own backend."""
    for name, asked in SMALL_RESOURCES.items():
        settings = {"resources": asked} if asked else {}
        looked_at.with_options(settings=settings)(probes, name, id=name)


@scenario(Resources)
def run(context: ScenarioContext, seen: Resources) -> None:
    """Steps ask for cpus, memory and gpus, one thing each; then one of a step operator's does.

    On the fake backend no step is run. On the orchestrator's own they ask for little, run, and
    what it has on record of their jobs is read meanwhile.
    """
    if context.backend:
        from zenml_conformance.context.step_operator import add_to_stack

        context.faults(hollow_steps=True)
        context.submit("resources", resources)
        add_to_stack()
        context.submit("operated", operated)
    else:
        client = context.start("resources", small_resources)
        context.read_records(client, SMALL_RESOURCES)
        context.finish(client)
        context.settle()
