"""Mutants of packaging."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from zenml_conformance.prove.mutant import mutant

if TYPE_CHECKING:
    from zenml_conformance.prove.injector import Around, FaultInjector


@mutant("PKG-1")
def name_with_a_hyphen(injector: FaultInjector) -> None:
    """The flavor's name is no identifier."""
    flavor_class: Any = type(injector.target.flavor)
    flavor_class.name = property(lambda self: "acme-cloud")


@mutant("PKG-4")
def stub(injector: FaultInjector) -> None:
    """A method that declares a capability does nothing but raise."""

    def submit_dynamic_pipeline(self: Any, *arguments: Any, **keywords: Any) -> Any:
        raise NotImplementedError("not yet")

    injector.orchestrator.submit_dynamic_pipeline = submit_dynamic_pipeline


@mutant("PKG-5")
def here_and_there(injector: FaultInjector) -> None:
    """`is_local` and `is_remote` are both True."""
    config_class: Any = injector.target.flavor.config_class
    config_class.is_local = config_class.is_remote = property(lambda self: True)


@mutant("PKG-3")
def images_without_the_orchestrator(injector: FaultInjector) -> None:
    """The orchestrator asks for nothing in its images."""
    injector.orchestrator.requirements = property(lambda self: set())


@mutant("PKG-6")
def keeps_a_directory(injector: FaultInjector) -> None:
    """Making an instance makes a directory."""

    def init(original: Around, *arguments: Any, **keywords: Any) -> None:
        original(*arguments, **keywords)
        os.makedirs("acme", exist_ok=True)

    injector.around("__init__", init)
