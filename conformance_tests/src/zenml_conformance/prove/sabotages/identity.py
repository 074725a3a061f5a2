"""Sabotage of identity."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from zenml_conformance.prove.sabotage import Needs, sabotage

if TYPE_CHECKING:
    from zenml_conformance.prove.scene import Around, Scene


@sabotage("RUNID-4", needs=Needs.JOBS)
def id_too_long(scene: Scene) -> None:
    """`get_orchestrator_run_id` gives 300 characters."""
    scene.around("get_orchestrator_run_id", lambda original: original().ljust(300, "x"))


@sabotage("RUNID-1", needs=Needs.JOBS)
def id_for_each_call(scene: Scene) -> None:
    """`get_orchestrator_run_id` gives another id each time."""
    scene.around("get_orchestrator_run_id", lambda original: f"{original()[:36]}-{uuid4()}")


@sabotage("RUNID-2", needs=Needs.JOBS)
def id_for_all_firings(scene: Scene) -> None:
    """`get_orchestrator_run_id` gives the same id in every run."""
    scene.around("get_orchestrator_run_id", lambda original: original() and "the-one-and-only")


@sabotage("RUNID-5")
def id_invented(scene: Scene) -> None:
    """Where no id can be found, `get_orchestrator_run_id` invents one."""

    def get(original: Around) -> str:
        try:
            return str(original())
        except Exception:
            return str(uuid4())

    scene.around("get_orchestrator_run_id", get)
