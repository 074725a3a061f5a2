"""Pipelines that are refreshed, stopped and scheduled.

Those that are stopped have no heartbeat: it would end them, too, but only after a quarter of a
minute, and what is judged is the orchestrator.
"""

from __future__ import annotations

import time
from typing import Any

from zenml import pipeline, step
from zenml.enums import StepRuntime

from zenml_conformance.lab.pipelines.probes import leave_probe, mark, wait_for_mark
from zenml_conformance.lab.pipelines.static import boom, sink, source


@step
def stoppable(probes: str, seconds: float, name: str = "stoppable") -> int:
    """Run until released, and leave a sign when the end came from outside."""
    began = time.monotonic()
    leave_probe(probes, began=began)
    mark(probes, f"{name}-running")
    try:
        if wait_for_mark(probes, f"{name}-release", seconds):
            mark(probes, f"{name}-released")
        return 1
    except BaseException:
        mark(probes, f"{name}-interrupted")
        raise


@pipeline(enable_cache=False, enable_heartbeat=False)
def stopped(probes: str) -> None:
    """A step that runs, one that would come after it, and one that is still queued."""
    sink(probes, stoppable(probes, 30.0), id="after_stoppable")
    source(probes, id="queued")


@pipeline(enable_cache=False)
def bystander(probes: str) -> None:
    """A run that nobody stops."""
    sink(probes, stoppable(probes, 60.0, name="bystander", id="bystander"), id="after_bystander")


@pipeline(enable_cache=False)
def doomed(probes: str) -> None:
    """One step, which fails."""
    boom(probes)


@pipeline(enable_cache=False)
def scheduled(probes: str) -> None:
    """What is fired again and again."""
    sink(probes, source(probes))


@pipeline(dynamic=True, enable_cache=False, enable_heartbeat=False)
def stopped_dynamic(probes: str, isolated: bool) -> None:
    """A step that runs in the pipeline's own process, one in a job of its own, and one after."""
    options: dict[str, Any] = {"runtime": StepRuntime.ISOLATED} if isolated else {}
    own = stoppable.with_options(**options)
    waiting = own.submit(probes, 30.0, name="isolated", id="isolated") if isolated else None
    inline = stoppable(probes, 30.0, id="inline")
    sink(probes, inline, id="after_inline")
    if waiting:
        waiting.wait()
