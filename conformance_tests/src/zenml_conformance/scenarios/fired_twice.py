"""One snapshot, two runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml_conformance.lab.evidence import Evidence, StepLog, unseen
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.decorators import pipeline
from zenml_conformance.scenarios.shared.steps import source

if TYPE_CHECKING:
    from zenml_conformance.lab.laboratory import Laboratory


class FiredTwice(Evidence):
    """What is left of the scenario."""

    log: StepLog = unseen("the step's log was not read")
    """What ZenML has of what the step of the first run has printed."""


@pipeline(enable_cache=False)
def single(probes: str) -> None:
    """One step."""
    source(probes)


@scenario(FiredTwice)
def play(lab: Laboratory, seen: FiredTwice) -> None:
    """One snapshot is fired twice, and what its step prints is read back from ZenML."""
    from zenml_conformance.lab import zenml_store

    lab.keep_step_logs()
    lab.submit("fired-twice", single, how="twice")
    seen.log = zenml_store.step_log("source")
