"""Sabotage of packaging."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from zenml_conformance.prove.sabotage import sabotage

if TYPE_CHECKING:
    from zenml_conformance.prove.scene import Around, Scene


@sabotage("PKG-1")
def name_with_a_hyphen(scene: Scene) -> None:
    """The flavor's name is no identifier."""
    flavor_class: Any = type(scene.target.flavor)
    flavor_class.name = property(lambda self: "acme-cloud")


@sabotage("PKG-4")
def stub(scene: Scene) -> None:
    """A method that declares a capability does nothing but raise."""

    def submit_dynamic_pipeline(self: Any, *arguments: Any, **keywords: Any) -> Any:
        raise NotImplementedError("not yet")

    scene.orchestrator.submit_dynamic_pipeline = submit_dynamic_pipeline


@sabotage("PKG-5")
def here_and_there(scene: Scene) -> None:
    """`is_local` and `is_remote` are both True."""
    config_class: Any = scene.target.flavor.config_class
    config_class.is_local = config_class.is_remote = property(lambda self: True)


@sabotage("PKG-3")
def images_without_the_orchestrator(scene: Scene) -> None:
    """The orchestrator asks for nothing in its images."""
    scene.orchestrator.requirements = property(lambda self: set())


@sabotage("PKG-6")
def keeps_a_directory(scene: Scene) -> None:
    """Making an instance makes a directory."""

    def init(original: Around, *arguments: Any, **keywords: Any) -> None:
        original(*arguments, **keywords)
        os.makedirs("acme", exist_ok=True)

    scene.around("__init__", init)
