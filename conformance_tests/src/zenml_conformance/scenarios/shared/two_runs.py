"""Two runs that are under way at the same time."""

from __future__ import annotations

import time

from zenml_conformance.scenarios.shared.decorators import pipeline, step
from zenml_conformance.scenarios.shared.probes import (
    MEETING_SECONDS,
    leave_probe,
    mark,
    wait_for_peer,
)
from zenml_conformance.scenarios.shared.steps import sink

FIRST, SECOND = "first", "second"
"""The sign of each run that its first step has begun."""


@step
def meet_the_other_run(probes: str, own: str, other: str, seconds: float) -> int:
    """Make sure that another run is under way at the same time, if that is possible at all."""
    began = time.monotonic()
    mark(probes, own)
    met = wait_for_peer(probes, other, seconds)
    leave_probe(probes, began=began, ended=time.monotonic(), met=met)
    return 1


@pipeline(enable_cache=False)
def first_of_two(probes: str, seconds: float = MEETING_SECONDS) -> None:
    """Two steps, the first of which meets that of the other run."""
    sink(probes, meet_the_other_run(probes, FIRST, SECOND, seconds, id="source"))


@pipeline(enable_cache=False)
def second_of_two(probes: str, seconds: float = MEETING_SECONDS) -> None:
    """The other run."""
    sink(probes, meet_the_other_run(probes, SECOND, FIRST, seconds, id="source"))
