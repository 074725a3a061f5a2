"""A step that succeeds, and whose job fails."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from zenml_conformance.context.evidence import Evidence, unseen
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.decorators import pipeline, step
from zenml_conformance.scenarios.shared.probes import leave_probe, mark
from zenml_conformance.scenarios.shared.steps import sink

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext


class PublishedThenDied(Evidence):
    """What is left of the scenario."""

    died: bool = unseen("no step was run that could die")
    """Whether the step's process could be made to die."""


@step
def publisher(probes: str) -> int:
    """Report success, and die before the process has ended well."""
    from zenml.client import Client
    from zenml.enums import ExecutionStatus

    leave_probe(probes, began=time.monotonic(), ended=time.monotonic())
    store = type(Client().zen_store)
    update = store.update_run_step

    def update_and_die(self: Any, step_run_id: Any, step_run_update: Any) -> Any:
        result = update(self, step_run_id, step_run_update)
        if step_run_update.status is ExecutionStatus.COMPLETED:
            mark(probes, "died")
            os._exit(3)
        return result

    store.update_run_step = update_and_die  # type: ignore[method-assign]
    return 1


@pipeline(enable_cache=False)
def published_then_died(probes: str) -> None:
    """A step that dies after it has reported success, and one that needs it."""
    sink(probes, publisher(probes), id="after_publisher")


@scenario(PublishedThenDied)
def run(context: ScenarioContext, seen: PublishedThenDied) -> None:
    """A step reports success and then dies; the one after it runs in a new interpreter."""
    context.faults(cold_steps=["after_publisher"])
    context.submit("published-then-died", published_then_died)
    seen.died = context.marked("died")
    context.refresh()
