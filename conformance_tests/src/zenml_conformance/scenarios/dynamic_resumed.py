"""A dynamic run that fails, and goes on."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from zenml_conformance.context.evidence import ONLY_JOBS, RunRecord, unseen
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.decorators import pipeline, step
from zenml_conformance.scenarios.shared.dynamic import ISOLATED, DynamicEvidence, enter
from zenml_conformance.scenarios.shared.probes import leave_probe, mark
from zenml_conformance.scenarios.shared.steps import sink, source
from zenml_conformance.target.capability import Capability

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext


class DynamicResumed(DynamicEvidence):
    """What is left of the scenario.

    Attributes:
        after_failure: Every run, when the first submission was over.
        entries_before: How often the pipeline's code had been begun then.
        jobs_before: How many jobs there were then that run it.
    """

    after_failure: list[RunRecord] = unseen("no pipeline was run that could fail")
    entries_before: int = unseen("no pipeline was run that could fail")
    jobs_before: int = unseen(ONLY_JOBS)


@step
def flaky_once(probes: str) -> int:
    """Fail, then succeed."""
    leave_probe(probes, began=time.monotonic(), ended=time.monotonic())
    if not Path(probes, "failed-once.mark").exists():
        mark(probes, "failed-once")
        raise RuntimeError("this step fails once on purpose")
    return 1


@pipeline(dynamic=True, enable_cache=False)
def resumed(probes: str, isolated: bool) -> None:
    """Steps that are well, a failure of the pipeline's own code the first time, one more step."""
    from zenml.config.retry_config import StepRetryConfig

    before = enter(probes)
    first = source(probes)
    if isolated:
        retry = StepRetryConfig(max_retries=1, delay=0, backoff=1)
        flaky_once.with_options(**ISOLATED, retry=retry).submit(probes).wait()
    if not before:
        raise RuntimeError("this pipeline fails on purpose")
    sink(probes, first)


@scenario(DynamicResumed)
def run(context: ScenarioContext, seen: DynamicResumed) -> None:
    """A pipeline's own code fails, and the run is resumed later."""
    from zenml_conformance.context import zenml_store

    isolated = context.declares(Capability.ISOLATED_STEPS)
    failed = context.submit("failed", resumed, parameters={"isolated": isolated})
    seen.after_failure = zenml_store.records()
    seen.note(context)
    seen.entries_before = len(seen.entries)
    if context.backend:
        seen.jobs_before = len(context.jobs_of(None))
    if run := failed.run or next((call.placeholder for call in failed.calls), None):
        context.submit("resumed", resumed, how="retry", run=run)
    seen.note(context)
