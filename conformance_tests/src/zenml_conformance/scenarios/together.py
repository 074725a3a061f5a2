"""Two runs at once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from zenml_conformance.context.evidence import Evidence
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.decorators import pipeline, step
from zenml_conformance.scenarios.shared.probes import (
    MEETING_SECONDS,
    leave_probe,
    mark,
    wait_for_peer,
)
from zenml_conformance.scenarios.shared.steps import sink

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext


class Together(Evidence):
    """What is left of the scenario."""


@step
def meet_the_other_run(probes: str, own: str, other: str) -> int:
    """Make sure that another run is under way at the same time, if that is possible at all."""
    began = time.monotonic()
    mark(probes, own)
    met = wait_for_peer(probes, other, MEETING_SECONDS)
    leave_probe(probes, began=began, ended=time.monotonic(), met=met)
    return 1


@pipeline(enable_cache=False)
def first_of_two(probes: str) -> None:
    """Two steps, the first of which meets that of the other run."""
    sink(probes, meet_the_other_run(probes, own="first", other="second", id="source"))


@pipeline(enable_cache=False)
def second_of_two(probes: str) -> None:
    """The other run."""
    sink(probes, meet_the_other_run(probes, own="second", other="first", id="source"))


@scenario(Together)
def run(context: ScenarioContext, seen: Together) -> None:
    """Two pipelines are submitted at once by two threads of one client."""
    context.submit(
        "together",
        first_of_two,
        how="together",
        other=f"{__name__}:second_of_two",
        seconds=MEETING_SECONDS,
    )
