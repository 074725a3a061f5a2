"""Sabotage of hooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml_conformance.prove.sabotage import sabotage

if TYPE_CHECKING:
    from zenml_conformance.prove.scene import Scene


@sabotage("HOOK-1")
def nothing_is_closed(scene: Scene) -> None:
    """The cleanup hook of a pipeline is never run."""
    scene.orchestrator.run_cleanup_hook = classmethod(lambda cls, snapshot: None)
