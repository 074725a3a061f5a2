"""Sabotage of records."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zenml_conformance.prove.sabotage import Needs, sabotage

if TYPE_CHECKING:
    from zenml_conformance.prove.scene import Around, Scene


@sabotage("META-1")
def metadata_of_any_kind(scene: Scene) -> None:
    """Submission returns an object among its metadata that ZenML can't store."""

    def submit(original: Around, **keywords: Any) -> Any:
        result = original(**keywords)
        if result:
            result.metadata = {**(result.metadata or {}), "handle": object()}
        return result

    scene.around("submit_pipeline", submit)


@sabotage("META-3")
def metadata_hook_raises(scene: Scene) -> None:
    """`get_pipeline_run_metadata` asks for what only the submitting client has."""

    def raises(original: Around, run_id: Any) -> Any:
        raise LookupError("this instance has submitted nothing")

    scene.around("get_pipeline_run_metadata", raises)


@sabotage("ART-1")
def artifacts_elsewhere(scene: Scene) -> None:
    """Steps keep local artifacts where the client does not look."""
    from zenml.artifact_stores import LocalArtifactStore

    path: Any = LocalArtifactStore.path

    def path_in_step(self: LocalArtifactStore) -> str:
        if not scene.in_step:
            return str(path.fget(self))
        own = os.environ.get("ZENML_CONFIG_PATH") or os.environ["HOME"]
        elsewhere = Path(own, "elsewhere", str(self.id))
        elsewhere.mkdir(parents=True, exist_ok=True)
        return str(elsewhere)

    scene.watch_steps()
    LocalArtifactStore.path = property(path_in_step)  # type: ignore[method-assign,assignment]


@sabotage("NAME-1", needs=Needs.JOBS)
def names_cut(scene: Scene) -> None:
    """Job names are cut to four characters."""
    scene.change_jobs(lambda job: job.model_copy(update={"name": job.name[:4]}))


@sabotage("NAME-2", needs=Needs.JOBS)
def names_without_the_run(scene: Scene) -> None:
    """A job is called after its step, whatever the run."""
    scene.change_jobs(lambda job: job.model_copy(update={"name": job.step or "coordinator"}))
