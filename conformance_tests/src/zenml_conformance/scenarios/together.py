"""Two runs at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml_conformance.context.evidence import Evidence
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared import two_runs
from zenml_conformance.scenarios.shared.probes import MEETING_SECONDS

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext


class Together(Evidence):
    """What is left of the scenario."""


@scenario(Together)
def run(context: ScenarioContext, seen: Together) -> None:
    """Two pipelines are submitted at once by two threads of one client."""
    context.submit(
        "together",
        two_runs.first_of_two,
        how="together",
        other=f"{two_runs.__name__}:second_of_two",
        seconds=MEETING_SECONDS,
    )
