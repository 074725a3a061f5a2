"""What is stopped in several scenarios.

Their pipelines have no heartbeat: it would end them, too, but only after a quarter of a minute, and
what is judged is the orchestrator.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from zenml_conformance.context.evidence import ONLY_JOBS, Done, Evidence, unseen
from zenml_conformance.scenarios.shared.decorators import pipeline, step
from zenml_conformance.scenarios.shared.probes import leave_probe, mark, wait_for_mark
from zenml_conformance.scenarios.shared.steps import sink, source

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext

CANCEL_SECONDS = 8.0
"""How long the jobs of a stopped run may take to end: longer than the fake backend's
patience."""

NOT_STOPPED = "no run got far enough to be stopped"


class StopEvidence(Evidence):
    """What is left of a run that was stopped.

    Attributes:
        stop: What came of the stop.
        outlived: Steps that were still there to be released, some time afterwards.
        left_running: Names of the jobs that went on some time afterwards.
        left_queued: Names of the jobs that were still in the queue then.
    """

    stop: Done = unseen(NOT_STOPPED)
    outlived: list[str] = unseen(NOT_STOPPED)
    left_running: list[str] = unseen(ONLY_JOBS)
    left_queued: list[str] = unseen(ONLY_JOBS)

    def note_what_outlived(self, context: ScenarioContext, *steps: str) -> None:
        """Note the steps that were there to see that they were released.

        Args:
            context: The scenario's bench.
            *steps: The steps' own names.
        """
        self.outlived = [step for step in steps if context.marked(f"{step}-released")]

    def note_what_is_left(self, context: ScenarioContext) -> None:
        """Note the jobs that have not ended, by whether they had started.

        Args:
            context: The scenario's bench.
        """
        if context.backend:
            live = [record for record in context.jobs if not record.state.is_ended]
            self.left_running = [record.job.name for record in live if record.pid is not None]
            self.left_queued = [record.job.name for record in live if record.pid is None]


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
