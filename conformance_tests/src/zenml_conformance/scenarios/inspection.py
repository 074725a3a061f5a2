"""What an orchestrator's classes say about themselves, without a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml_conformance.context.evidence import Attempt, Evidence, RoundTrip, unseen
from zenml_conformance.scenarios.scenario import scenario

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext

NOT_INSPECTED = "the orchestrator's classes were not looked at"


class Inspection(Evidence):
    """What is left of the scenario.

    Attributes:
        flavor: The flavor's name.
        built_in: The orchestrator comes with ZenML.
        validation: ZenML's own validation of the flavor.
        overridden: Methods whose mere overriding declares a capability.
        deprecated: Only the deprecated method that submits is overridden.
        capabilities: What it declares.
        stubs: Those of the overridden methods that do nothing.
        modes: The execution modes that it declares.
        client_side_caching: Whether ZenML may leave cached steps out.
        is_local: What the config says.
        is_remote: What the config says.
        containerized: ZenML builds images for it.
        validates_stack: It has a stack validator.
        run_id_outside: `get_orchestrator_run_id` in a process that belongs to no run.
        job_name_pattern: What a job's name must match.
        step_level_hooks: Hooks are left to the steps' processes.
        distribution: What its package is installed as; None: it is not.
        requirements: What it wants installed in images.
        round_trip: What becomes of its configuration in ZenML's store.
    """

    flavor: str = unseen(NOT_INSPECTED)
    built_in: bool = unseen(NOT_INSPECTED)
    validation: Attempt = unseen(NOT_INSPECTED)
    overridden: list[str] = unseen(NOT_INSPECTED)
    deprecated: bool = unseen(NOT_INSPECTED)
    capabilities: list[str] = unseen(NOT_INSPECTED)
    stubs: list[str] = unseen(NOT_INSPECTED)
    modes: list[str] = unseen(NOT_INSPECTED)
    client_side_caching: bool = unseen(NOT_INSPECTED)
    is_local: bool = unseen(NOT_INSPECTED)
    is_remote: bool = unseen(NOT_INSPECTED)
    containerized: bool = unseen(NOT_INSPECTED)
    validates_stack: bool = unseen(NOT_INSPECTED)
    run_id_outside: Attempt = unseen(NOT_INSPECTED)
    job_name_pattern: str = unseen(NOT_INSPECTED)
    step_level_hooks: bool = unseen(NOT_INSPECTED)
    distribution: str | None = None
    requirements: list[str] = unseen(NOT_INSPECTED)
    round_trip: RoundTrip = unseen(NOT_INSPECTED)


@scenario(Inspection)
def run(context: ScenarioContext, seen: Inspection) -> None:
    """Nothing runs: the flavor, the config and the orchestrator's methods are looked at."""
    from zenml_conformance.scenarios.shared.classes import inspect_target

    inspect_target(context, seen)
