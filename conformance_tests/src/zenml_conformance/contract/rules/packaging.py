"""Packaging: what the classes say about themselves, without a run."""

from __future__ import annotations

import re

from zenml_conformance.contract.rule import MUST, SHOULD, NotApplicable, NotSeen, Violation, rule
from zenml_conformance.scenarios.cold_import import ColdImport
from zenml_conformance.scenarios.inspection import Inspection


@rule("PKG-1", MUST, requires=())
def the_flavor_is_valid(inspection: Inspection) -> None:
    """The flavor passes ZenML's own validation, and its name is an identifier of its own.

    Why: ZenML makes a flavor with no arguments, checks its classes
    (`zenml.stack.flavor.validate_flavor_source`), and uses its name as a key of users' settings:
    `settings={"orchestrator.<name>": …}`.

    Fix: subclass `BaseOrchestratorFlavor`, give `name`, `config_class` and
    `implementation_class`, and choose a name that ZenML does not have.
    """
    problem = inspection.validation.raised
    if problem:
        raise Violation(f"ZenML refuses the flavor: {problem}")
    name = inspection.flavor
    if not name.isidentifier():
        raise Violation(f"the flavor is called {name!r}, which is no identifier")


@rule("PKG-2", SHOULD, requires=("PKG-1",), since="0.2")
def the_flavor_is_light(cold_import: ColdImport) -> None:
    """Importing the flavor and its config imports neither the orchestrator nor its client library.

    Why: ZenML imports the flavor to register, describe, update or list it
    (`zenml.stack.flavor.Flavor.from_model`), also where nothing is ever submitted. A flavor that
    imports the backend's client makes each of these slow, or impossible without the client.

    Fix: flavor, config and implementation in modules of their own; import the implementation inside
    `implementation_class`; keep the package's `__init__.py` empty. In a generated project, import
    the client library in `backend.py` and nowhere else.
    """
    imported = cold_import.imported
    if imported.too_early:
        raise Violation(f"the flavor and its config import {imported.implementation!r}")
    if imported.packages:
        raise Violation(
            f"the flavor and its config import {', '.join(imported.packages)}, which only other "
            "modules of the orchestrator use"
        )


@rule("PKG-3", MUST, requires=(), since="0.2")
def images_get_the_orchestrator(inspection: Inspection) -> None:
    """A containerised orchestrator asks for its own distribution in the images that ZenML builds.

    Why: a step's entrypoint loads the active stack, and with it the orchestrator's class
    (`StepEntrypointConfiguration.run`). `StackComponent.requirements` knows only ZenML's own
    integrations; for all others it is empty, and every step dies of an ImportError.

    Fix: override `requirements`: `{*super().requirements, "your-distribution==…"}`.
    """
    if not inspection.containerized:
        raise NotApplicable("it is no ContainerizedOrchestrator: ZenML builds no image for it")
    if inspection.built_in:
        raise NotApplicable("it comes with ZenML, and so does what it requires")
    if inspection.distribution is None:
        raise NotSeen("its package is not installed, so it has no distribution's name")
    wanted = _normal(inspection.distribution)
    if not any(wanted in _normal(requirement) for requirement in inspection.requirements):
        asked = ", ".join(inspection.requirements) or "nothing"
        raise Violation(f"it comes with {inspection.distribution!r}, and its images get {asked}")


def _normal(name: str) -> str:
    return re.sub("[-_.]+", "-", name).lower()


@rule("PKG-6", MUST, requires=("PKG-1",), since="0.2")
def the_config_survives_the_store(inspection: Inspection) -> None:
    """A configuration comes back from ZenML's store as it went in; making an instance does nothing.

    Why: ZenML keeps the configuration as JSON (`Client.create_stack_component`) and makes the
    orchestrator from it in every client and in every step (`StackComponent.from_model`), often
    only to show it. What changes on the way is wrong there; what `__init__` does is done there.

    Fix: only fields that survive `model_dump(mode="json")`, validators that leave their own results
    alone, and connections made where they are first used (`functools.cached_property`). In a
    generated `backend.py`: connect on first use, not in `__init__`.
    """
    trip = inspection.round_trip
    if trip.raised:
        raise Violation(f"registering and loading it raised {trip.raised}")
    for field, (before, after) in trip.changed.items():
        raise Violation(f"{field!r} was registered as {before}, and came back as {after}")
    if trip.init:
        raise Violation(f"making an instance did this: {'; '.join(trip.init[:3])}")


@rule("PKG-4", MUST, requires=())
def no_capability_is_faked(inspection: Inspection) -> None:
    """A method that declares a capability does something.

    Why: ZenML believes in a capability when its method is overridden
    (`BaseOrchestrator.supports_dynamic_pipelines`, `can_run_isolated_steps`, …). A stub that
    raises `NotImplementedError` sends users' work into it.

    Fix: leave methods that you don't implement out of the class.
    """
    stubs = inspection.stubs
    if stubs:
        raise Violation(f"overridden, but without a body: {', '.join(stubs)}")


@rule("PKG-5", MUST, requires=())
def it_says_where_it_runs(inspection: Inspection) -> None:
    """`is_local` and `is_remote` are not both True; a remote containerised one checks its stack.

    Why: ZenML does not submit to a remote orchestrator from a local store
    (`Stack.prepare_pipeline_submission`), and does not run a stack with a local component from
    its server (`zenml.pipelines.run_utils`): one that says both runs nowhere. A remote one
    without a registry in its stack fails after the images are built.

    Fix: return what is true. In a remote containerised orchestrator's `validator`, require a
    container registry and an image builder.
    """
    if inspection.is_local and inspection.is_remote:
        raise Violation("the config says is_local=True and is_remote=True")
    if inspection.is_remote and inspection.containerized and not inspection.validates_stack:
        raise Violation("it is remote and containerised, and has no stack validator")
