"""Packaging: what the classes say about themselves, without a run."""

from __future__ import annotations

from zenml_conformance.lab.evidence import Evidence
from zenml_conformance.rule import MUST, Violation, rule


@rule("PKG-1", MUST, requires=())
def the_flavor_is_valid(inspection: Evidence) -> None:
    """The flavor passes ZenML's own validation, and its name is an identifier of its own.

    Why: ZenML makes a flavor with no arguments, checks its classes
    (`zenml.stack.flavor.validate_flavor_source`), and uses its name as a key of users' settings:
    `settings={"orchestrator.<name>": …}`.

    Fix: subclass `BaseOrchestratorFlavor`, give `name`, `config_class` and
    `implementation_class`, and choose a name that ZenML does not have.
    """
    problem = inspection.facts["flavor_problem"]["raised"]
    if problem:
        raise Violation(f"ZenML refuses the flavor: {problem}")
    name = inspection.facts["flavor"]
    if not name.isidentifier():
        raise Violation(f"the flavor is called {name!r}, which is no identifier")


@rule("PKG-4", MUST, requires=())
def no_capability_is_faked(inspection: Evidence) -> None:
    """A method that declares a capability does something.

    Why: ZenML believes in a capability when its method is overridden
    (`BaseOrchestrator.supports_dynamic_pipelines`, `can_run_isolated_steps`, …). A stub that
    raises `NotImplementedError` sends users' work into it.

    Fix: leave methods that you don't implement out of the class.
    """
    stubs = inspection.facts["stubs"]
    if stubs:
        raise Violation(f"overridden, but without a body: {', '.join(stubs)}")


@rule("PKG-5", MUST, requires=())
def it_says_where_it_runs(inspection: Evidence) -> None:
    """`is_local` and `is_remote` are not both True; a remote containerised one checks its stack.

    Why: ZenML does not submit to a remote orchestrator from a local store
    (`Stack.prepare_pipeline_submission`), and does not run a stack with a local component from
    its server (`zenml.pipelines.run_utils`): one that says both runs nowhere. A remote one
    without a registry in its stack fails after the images are built.

    Fix: return what is true. In a remote containerised orchestrator's `validator`, require a
    container registry and an image builder.
    """
    facts = inspection.facts
    if facts["is_local"] and facts["is_remote"]:
        raise Violation("the config says is_local=True and is_remote=True")
    if facts["is_remote"] and facts["containerized"] and not facts["validates_stack"]:
        raise Violation("it is remote and containerised, and has no stack validator")
