"""What ZenML has cached."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from zenml_conformance.context.evidence import ONLY_JOBS, Evidence, unseen
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.decorators import pipeline, step
from zenml_conformance.scenarios.shared.probes import leave_probe
from zenml_conformance.scenarios.shared.steps import sink

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext


class Caching(Evidence):
    """What is left of the scenario."""

    jobs_before_wholly_cached: int = unseen(ONLY_JOBS)
    """How many jobs there were before the third run."""


@step
def load(probes: str) -> int:
    """Be cached."""
    leave_probe(probes, began=time.monotonic(), ended=time.monotonic())
    return 1


@pipeline
def cached(probes: str, fresh: bool) -> None:
    """A step that may be cached, and one that is only when asked."""
    sink.with_options(enable_cache=not fresh)(probes, load(probes), id="use")


@scenario(Caching)
def run(context: ScenarioContext, seen: Caching) -> None:
    """A pipeline runs, runs again half cached, and again wholly cached."""
    context.submit("executed", cached, parameters={"fresh": True})
    context.submit("half-cached", cached, parameters={"fresh": True})
    if context.backend:
        seen.jobs_before_wholly_cached = len(context.jobs)
    context.submit("wholly-cached", cached, parameters={"fresh": False})
