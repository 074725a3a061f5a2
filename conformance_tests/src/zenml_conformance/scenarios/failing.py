"""A failure that leaves other branches alone, retries, and hooks."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from zenml_conformance.context.evidence import Evidence, unseen
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.decorators import pipeline, step
from zenml_conformance.scenarios.shared.probes import leave_probe, mark, wait_for_peer
from zenml_conformance.scenarios.shared.steps import boom, sink
from zenml_conformance.target.patience import stretched

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext


class Failing(Evidence):
    """What is left of the scenario. Hooks are told by the ids of the processes that ran them."""

    init: list[int] = unseen("no pipeline with hooks was run")
    cleanup: list[int] = unseen("no pipeline with hooks was run")


@step
def well(probes: str) -> int:
    """Succeed, some time after a parallel step has failed: what would end this step has begun."""
    began = time.monotonic()
    mark(probes, "running")
    if wait_for_peer(probes, "failing", 3.0):
        time.sleep(stretched(probes, 1.5))
    leave_probe(probes, began=began, ended=time.monotonic())
    return 1


@step
def flaky(probes: str) -> int:
    """Fail twice, then succeed."""
    attempts = len(list(Path(probes).glob("attempt-*.mark")))
    mark(probes, f"attempt-{attempts}")
    leave_probe(probes, began=time.monotonic(), ended=time.monotonic())
    if attempts < 2:
        raise RuntimeError("this step fails twice on purpose")
    return 1


_opened: list[str] = []
"""Where the init hook of this process was told to leave signs: cleanup hooks get no arguments."""


def opened(probes: str = "") -> None:
    """Be run at the beginning, once for each process of steps or once for the run.

    Args:
        probes: Directory of the scenario's probes.
    """
    _opened.append(probes)
    mark(probes, f"init-{os.getpid()}-{time.monotonic_ns()}")


def closed() -> None:
    """Be run at the end of what `opened` began."""
    if _opened:
        mark(_opened.pop(), f"cleanup-{os.getpid()}-{time.monotonic_ns()}")


@pipeline(enable_cache=False, on_init=opened, on_cleanup=closed)
def failing(probes: str) -> None:
    """With hooks: a branch that fails beside one that is well and one that needs three attempts."""
    from zenml.config.retry_config import StepRetryConfig

    sink(probes, boom(probes), id="after_boom")
    sink(probes, well(probes), id="after_well")
    flaky.with_options(retry=StepRetryConfig(max_retries=2, delay=0, backoff=1))(probes)


@scenario(Failing)
def run(context: ScenarioContext, seen: Failing) -> None:
    """A step fails beside a branch that is well and a step that needs three attempts.

    The pipeline has an init and a cleanup hook.
    """
    hooks = {"on_init_kwargs": {"probes": context.probes}}
    options = {"execution_mode": "continue_on_failure", **hooks}
    context.submit("failing", failing, options=options)
    seen.init = _processes(context, "init")
    seen.cleanup = _processes(context, "cleanup")


def _processes(context: ScenarioContext, hook: str) -> list[int]:
    return [int(name.split("-")[1]) for name in context.marks(f"{hook}-*")]
