"""A run that is refreshed in all phases of its life."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml_conformance.context import zenml_store
from zenml_conformance.context.evidence import Evidence, Refresh, unseen
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.decorators import pipeline
from zenml_conformance.scenarios.shared.steps import boom, released

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext

UNKNOWN = "the run's id in ZenML was not known"


class Refreshed(Evidence):
    """What is left of the scenario: what was seen in each phase.

    Attributes:
        queued: While the first job waited.
        running: While a step ran.
        still_running: A moment later.
        failed: When another run had failed.
        completed: When the run had completed.
        forgotten: The same, when the backend had forgotten its jobs.
    """

    queued: Refresh = unseen("only the fake backend keeps a run in its queue")
    running: Refresh = unseen("no step ran long enough for its run to be refreshed")
    still_running: Refresh = unseen("no step ran long enough for its run to be refreshed")
    failed: Refresh = unseen(UNKNOWN)
    completed: Refresh = unseen(UNKNOWN)
    forgotten: Refresh = unseen("only the fake backend can be made to forget its jobs")

    @property
    def phases(self) -> dict[str, Refresh]:
        """Those that were seen, by name."""
        phases = ("queued", "running", "still_running", "failed", "completed", "forgotten")
        return {
            phase.replace("_", " "): getattr(self, phase) for phase in phases if self.shows(phase)
        }


@pipeline(enable_cache=False)
def doomed(probes: str) -> None:
    """One step, which fails."""
    boom(probes)


@scenario(Refreshed)
def run(context: ScenarioContext, seen: Refreshed) -> None:
    """A run is refreshed while it waits, runs, has ended, and after the backend forgot its jobs."""
    if context.backend:
        context.faults(hold=("*",))
    client = context.start("refreshed", released)
    if context.backend:
        if run := context.wait_for_submission(client):
            seen.queued = context.look(run)
        context.faults(flaps=True)
    if context.wait_for_mark("running") and (run := client.run):
        seen.running = context.look(run)
        seen.still_running = context.look(run)
    context.faults()
    context.mark("release")
    submission = context.finish(client)
    context.settle()
    context.submit("doomed", doomed)
    # A client that raises when its run fails returns no run.
    if (run := context.clients[-1].run) and zenml_store.find_run(run):
        seen.failed = context.look(run)
    if run := submission.run:
        seen.completed = context.look(run)
        if context.backend:
            context.faults(purges=True)
            seen.forgotten = context.look(run)
