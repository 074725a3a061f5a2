"""What importing a flavor brings along."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml_conformance.lab.evidence import Evidence, Imported, unseen
from zenml_conformance.scenarios.scenario import scenario

if TYPE_CHECKING:
    from zenml_conformance.lab.laboratory import Laboratory


class ColdImport(Evidence):
    """What is left of the scenario."""

    imported: Imported = unseen("the flavor was not imported")


@scenario(ColdImport)
def play(lab: Laboratory, seen: ColdImport) -> None:
    """Nothing runs: the flavor is imported, bit by bit, in an interpreter of its own."""
    seen.imported = lab.import_flavor()
