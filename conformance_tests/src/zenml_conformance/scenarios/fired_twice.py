"""One snapshot, two runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml_conformance.context.evidence import Evidence, StepLog, unseen
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.decorators import pipeline
from zenml_conformance.scenarios.shared.steps import source

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext


class FiredTwice(Evidence):
    """What is left of the scenario."""

    log: StepLog = unseen("the step's log was not read")
    """What ZenML has of what the step of the first run has printed."""


@pipeline(enable_cache=False)
def single(probes: str) -> None:
    """One step."""
    source(probes)


@scenario(FiredTwice)
def run(context: ScenarioContext, seen: FiredTwice) -> None:
    """One snapshot is fired twice, and what its step prints is read back from ZenML."""
    from zenml_conformance.context import zenml_store

    context.keep_step_logs()
    context.submit("fired-twice", single, how="twice")
    seen.log = zenml_store.step_log("source")
