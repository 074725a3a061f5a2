"""Sabotage of identity."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from zenml_conformance.prove.sabotage import sabotage

if TYPE_CHECKING:
    from zenml_conformance.prove.scene import Around, Scene


@sabotage("RUNID-4")
def id_too_long(scene: Scene) -> None:
    """A step's orchestrator run id has 300 characters."""
    scene.change_run_ids(lambda run_id: run_id.ljust(300, "x"))


@sabotage("RUNID-1")
def id_for_each_step(scene: Scene) -> None:
    """The orchestrator run id is another one each time that it is asked for."""
    scene.change_run_ids(lambda run_id: f"{run_id[:36]}-{uuid4()}")


@sabotage("RUNID-2")
def id_for_all_firings(scene: Scene) -> None:
    """The orchestrator run id is the same in every run."""
    scene.change_run_ids(lambda run_id: "the-one-and-only")


@sabotage("RUNID-5")
def id_invented(scene: Scene) -> None:
    """Where no id can be found, `get_orchestrator_run_id` invents one."""

    def get(original: Around) -> str:
        try:
            return str(original())
        except Exception:
            return str(uuid4())

    scene.around("get_orchestrator_run_id", get)
