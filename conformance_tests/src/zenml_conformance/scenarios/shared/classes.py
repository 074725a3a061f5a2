"""What an orchestrator's classes say about themselves, without a run."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from zenml_conformance.context.client import DEPRECATED
from zenml_conformance.context.evidence import Attempt, Raised, UnderClaim
from zenml_conformance.context.registration import distribution_of, round_trip
from zenml_conformance.target.capability import Capability
from zenml_conformance.target.target import Target, overrides

if TYPE_CHECKING:
    from zenml.orchestrators import BaseOrchestrator

    from zenml_conformance.context.scenario_context import ScenarioContext
    from zenml_conformance.scenarios.inspection import Inspection

CAPABILITIES = (
    "submit_pipeline",
    "submit_dynamic_pipeline",
    "submit_isolated_step",
    "submit_isolated_step_with_allocation",
    "stop_isolated_step",
    "fetch_status",
    "_stop_run_forcefully",
    "update_schedule",
    "delete_schedule",
)
"""Methods whose mere overriding makes ZenML believe in a capability
(`zenml.orchestrators.base_orchestrator.BaseOrchestrator`). What a ZenML version does not have is
left out."""


def inspect_target(context: ScenarioContext, seen: Inspection) -> None:
    """Look at flavor, config and orchestrator.

    Args:
        context: The scenario's bench; its store has the component registered.
        seen: Takes what is seen.
    """
    from zenml.client import Client
    from zenml.enums import StackComponentType
    from zenml.orchestrators import ContainerizedOrchestrator
    from zenml.stack.flavor import validate_flavor_source

    target = Target.load(context.session.target)
    orchestrator = Client().active_stack.orchestrator
    implementation = target.orchestrator_class
    overridden = [name for name in CAPABILITIES if overrides(implementation, name)]
    seen.flavor = target.flavor.name
    seen.built_in = implementation.__module__.startswith("zenml.")
    seen.validation = _tried(
        lambda: validate_flavor_source(target.source, StackComponentType.ORCHESTRATOR)
    )
    seen.overridden = overridden
    seen.deprecated = "submit_pipeline" not in overridden and overrides(implementation, DEPRECATED)
    seen.capabilities = [
        capability.value for capability in target.capabilities(orchestrator.config)
    ]
    seen.stubs = [name for name in overridden if _is_stub(getattr(implementation, name))]
    seen.modes = [mode.value for mode in orchestrator.supported_execution_modes]
    seen.client_side_caching = orchestrator.config.supports_client_side_caching
    seen.is_local = orchestrator.config.is_local
    seen.is_remote = orchestrator.config.is_remote
    seen.containerized = isinstance(orchestrator, ContainerizedOrchestrator)
    seen.validates_stack = orchestrator.validator is not None
    seen.run_id_outside = _tried(orchestrator.get_orchestrator_run_id)
    seen.job_name_pattern = target.harness.job_name_pattern
    seen.step_level_hooks = orchestrator.run_init_cleanup_at_step_level
    seen.distribution = distribution_of(implementation.__module__)
    seen.requirements = sorted(orchestrator.requirements)
    seen.round_trip = round_trip(target)
    seen.under_claims = under_claims(orchestrator)


def under_claims(orchestrator: BaseOrchestrator) -> list[UnderClaim]:
    """Find what is there and, for lack of a declaration, never reached.

    Args:
        orchestrator: An instance; its class and its config are looked at.

    Returns:
        Each of these.
    """
    found = []
    implementation = type(orchestrator)
    overridden = [name for name in CAPABILITIES if overrides(implementation, name)]
    if not orchestrator.config.is_schedulable:
        code = [name for name in overridden if name in ("update_schedule", "delete_schedule")]
        if "submit_pipeline" in overridden and _reads_the_schedule(implementation.submit_pipeline):
            code.append("submit_pipeline")
        if code:
            detail = f"code for schedules is there ({', '.join(code)}), and ZenML never reaches it"
            found.append(
                UnderClaim(
                    capability=Capability.SCHEDULES.value,
                    detail=f"{detail}: the config's is_schedulable is False",
                )
            )
    with_allocation = "submit_isolated_step_with_allocation"
    declared = getattr(orchestrator, "supports_resource_pool_allocation", True)
    if with_allocation in overridden and not declared:
        found.append(
            UnderClaim(
                capability="resource pools",
                detail=f"{with_allocation} is overridden, and ZenML never passes it an "
                "allocation: supports_resource_pool_allocation is False",
            )
        )
    return found


def _reads_the_schedule(method: Any) -> bool:
    """Whether a method works with the `schedule` of a snapshot, and does not just refuse it."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(method)))
    except (OSError, TypeError, SyntaxError):
        return False
    refused = {
        node
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and all(map(_only_speaks, branch.body))
        for node in ast.walk(branch.test)
    }
    return any(
        isinstance(node, ast.Attribute)
        and node.attr == "schedule"
        and isinstance(node.value, ast.Name)
        and node.value.id == "snapshot"
        for node in set(ast.walk(tree)) - refused
    )


def _only_speaks(statement: ast.stmt) -> bool:
    """Whether a statement raises, or calls something for no result, as a logger is called."""
    return isinstance(statement, (ast.Raise, ast.Expr))


def _tried(function: Callable[[], Any]) -> Attempt:
    try:
        return Attempt(gave=repr(function()))
    except BaseException as error:
        return Attempt(raised=str(Raised.of(error)))


def _is_stub(method: Any) -> bool:
    """Whether a method's body does nothing but raise `NotImplementedError`, `pass` or `...`."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(method)))
    except (OSError, TypeError, SyntaxError):
        return False
    (function,) = tree.body
    assert isinstance(function, ast.FunctionDef)
    body = [statement for statement in function.body if not _is_constant(statement)]
    return all(isinstance(statement, ast.Pass) or _is_refusal(statement) for statement in body)


def _is_constant(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _is_refusal(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.Raise) or statement.exc is None:
        return False
    raised = statement.exc.func if isinstance(statement.exc, ast.Call) else statement.exc
    return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"
