"""What importing a flavor brings along."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml_conformance.context.evidence import Evidence, Imported, unseen
from zenml_conformance.scenarios.scenario import scenario

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext


class ColdImport(Evidence):
    """What is left of the scenario."""

    imported: Imported = unseen("the flavor was not imported")


@scenario(ColdImport)
def run(context: ScenarioContext, seen: ColdImport) -> None:
    """Nothing runs: the flavor is imported, bit by bit, in an interpreter of its own."""
    seen.imported = context.import_flavor()
