"""Isolated steps whose end is not reported."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from zenml_conformance.context.evidence import ONLY_JOBS, Evidence, unseen
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.decorators import pipeline
from zenml_conformance.scenarios.shared.dynamic import (
    FATE_SECONDS,
    HANG_SECONDS,
    ISOLATED,
    enter,
    quitter,
)
from zenml_conformance.scenarios.shared.probes import mark
from zenml_conformance.scenarios.shared.steps import sleeper, source, victim

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext


STEPS = ("quitter", "victim", "hollow", "forgotten")


class IsolatedLost(Evidence):
    """What is left of the scenario.

    Attributes:
        states: How the jobs of each step were in the end.
    """

    states: dict[str, list[str]] = unseen(ONLY_JOBS)


@pipeline(dynamic=True, enable_cache=False)
def lost(probes: str, hollow: bool) -> None:
    """Isolated steps that never report: one that ends well, one that is killed, others lost."""
    enter(probes)
    mark(probes, "quit")
    futures = [quitter.with_options(**ISOLATED).submit(probes)]
    futures.append(victim.with_options(**ISOLATED).submit(probes))
    if hollow:
        futures.append(source.with_options(**ISOLATED).submit(probes, id="hollow"))
        futures.append(sleeper.with_options(**ISOLATED).submit(probes, 60.0, id="forgotten"))
    for future in futures:
        with contextlib.suppress(Exception):
            future.wait()


@scenario(IsolatedLost)
def run(context: ScenarioContext, seen: IsolatedLost) -> None:
    """Jobs of isolated steps end without a report, are killed or forgotten; the run goes on."""
    context.faults(hollow=("hollow",))
    backend = context.backend
    client = context.start(
        "isolated-lost",
        lost,
        parameters={"hollow": bool(backend)},
        options={"execution_mode": "continue_on_failure"},
    )
    if backend is None:
        context.finish(client, FATE_SECONDS + HANG_SECONDS)
        context.settle()
        return
    if context.wait_for_mark("running", FATE_SECONDS):
        for record in context.jobs_of("forgotten"):
            backend.lose(record.id)
    context.wait_until(
        lambda: all(map(context.has_ended, STEPS)) or not client.is_alive,
        FATE_SECONDS,
    )
    submission = context.finish(client, HANG_SECONDS)
    context.settle(1.0 if submission.overdue else HANG_SECONDS)
    seen.states = {name: [record.state.value for record in context.jobs_of(name)] for name in STEPS}
