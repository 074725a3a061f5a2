"""The orchestrator under test: from `--orchestrator=REF` to classes."""

from __future__ import annotations

import difflib
import importlib
import inspect
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from zenml_conformance.target.capability import Capability
from zenml_conformance.target.spec import TargetError, TargetSpec

if TYPE_CHECKING:
    from zenml.orchestrators import BaseOrchestrator, BaseOrchestratorConfig
    from zenml.orchestrators import BaseOrchestratorFlavor as Flavor

    from zenml_conformance.harness import Harness

REFERENCE = "zenml_conformance.reference.flavor:ReferenceOrchestratorFlavor"
HARNESS_ENTRY_POINTS = "zenml_conformance.harnesses"
"""Entry-point group: the entry's name is a flavor's name, its value a `Harness` subclass."""


@dataclass(frozen=True)
class Target:
    """The orchestrator under test, loaded.

    Attributes:
        source: Import path of the flavor class, as ZenML wants it.
        flavor: The flavor, instantiated.
        harness: How the suite's fake backend is connected.
        config: The component's configuration: the harness's, then the command line's.
    """

    source: str
    flavor: Flavor
    harness: Harness
    config: dict[str, Any]

    @property
    def orchestrator_class(self) -> type[BaseOrchestrator]:
        """The implementation."""
        return self.flavor.implementation_class

    @property
    def is_shipped(self) -> bool:
        """Whether ZenML ships the flavor, and has it registered in every store."""
        return self.source.startswith("zenml.")

    @staticmethod
    def load(spec: TargetSpec) -> Target:
        """Import everything that a spec names.

        Args:
            spec: What the command line said.

        Returns:
            The target.

        Raises:
            TargetError: If a name can't be found, or what it names is of the wrong kind.
        """
        return _load(spec.model_dump_json())

    def validate(self) -> BaseOrchestratorConfig:
        """Check the configuration as ZenML's registration would, but say more.

        Returns:
            The configuration.

        Raises:
            TargetError: If a key is unknown or a value is refused.
        """
        known = list(self.flavor.config_class.model_fields)
        for key in self.config:
            if key not in known:
                raise TargetError(
                    f"--orchestrator-config: {self.flavor.config_class.__name__} has no field "
                    f"{key!r}.{_nearest(key, known)} It has: {', '.join(sorted(known)) or 'none'}."
                )
        try:
            return self.flavor.config_class(**self.config)
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, e['loc'])) or 'config'}={e.get('input')!r}: {e['msg']}"
                for e in error.errors()
            )
            raise TargetError(
                f"--orchestrator-config: {self.flavor.config_class.__name__} refuses {problems}."
            ) from error

    def capabilities(self, config: BaseOrchestratorConfig) -> list[Capability]:
        """Say what the orchestrator declares.

        Args:
            config: Its configuration.

        Returns:
            The capabilities, in the order of `Capability`.
        """

        def has(*names: str) -> bool:
            return any(overrides(self.orchestrator_class, name) for name in names)

        schedules = config.is_schedulable
        declared = {
            Capability.DYNAMIC: has("submit_dynamic_pipeline"),
            Capability.ISOLATED_STEPS: has(
                "submit_isolated_step", "submit_isolated_step_with_allocation"
            ),
            Capability.STOP_ISOLATED_STEPS: has("stop_isolated_step"),
            Capability.STATUS: has("fetch_status"),
            # Not `stop_run`: who can't stop runs overrides that to refuse (STOP-5).
            Capability.STOP: has("_stop_run_forcefully", "_stop_run"),
            Capability.SCHEDULES: schedules,
            Capability.SCHEDULE_UPDATES: schedules and has("update_schedule"),
            Capability.SCHEDULE_DELETION: schedules and has("delete_schedule"),
            Capability.STEP_RETRIES: config.handles_step_retries,
        }
        return [capability for capability in Capability if declared[capability]]


def overrides(orchestrator_class: type[BaseOrchestrator], method: str) -> bool:
    """Say whether an orchestrator has a method of its own, which is how ZenML tells what it can do.

    Args:
        orchestrator_class: The orchestrator.
        method: A method of `BaseOrchestrator`, in some version of ZenML.

    Returns:
        Whether it does; False where this ZenML does not know the method.
    """
    from zenml.orchestrators import BaseOrchestrator

    base = getattr(BaseOrchestrator, method, None)
    return base is not None and getattr(orchestrator_class, method) is not base


@cache
def _load(spec_json: str) -> Target:
    spec = TargetSpec.model_validate_json(spec_json)
    source = _source(spec.ref)
    flavor_class = _import(source, "--orchestrator")
    flavor = _flavor(flavor_class, spec.ref)
    harness = _harness(spec, flavor)
    return Target(source.replace(":", "."), flavor, harness, {**harness.config(), **spec.config})


def _source(ref: str) -> str:
    """Normalise a reference to `module:Class`."""
    if ref == "reference":
        return REFERENCE
    if ":" in ref:
        return ref
    if "." in ref:
        module, _, name = ref.rpartition(".")
        return f"{module}:{name}"
    return _built_in_source(ref)


def _built_in_source(name: str) -> str:
    from zenml.orchestrators import BaseOrchestratorFlavor
    from zenml.stack.flavor_registry import FlavorRegistry

    registry = FlavorRegistry()
    flavors = {
        flavor_class().name: flavor_class
        for flavor_class in [*registry.builtin_flavors, *registry.integration_flavors]
        if issubclass(flavor_class, BaseOrchestratorFlavor)
    }
    if name not in flavors:
        known = ["reference", *flavors]
        raise TargetError(
            f"--orchestrator={name}: ZenML ships no orchestrator flavor of that name."
            f"{_nearest(name, known)} Give a flavor class as `package.module:Flavor`, or one of: "
            f"{', '.join(sorted(known))}."
        )
    return f"{flavors[name].__module__}:{flavors[name].__name__}"


def _import(source: str, option: str) -> Any:
    module_name, _, attribute = source.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and (module_name == error.name or module_name.startswith(f"{error.name}.")):
            raise TargetError(
                f"{option}={source}: there is no module {error.name!r} in this environment."
                f"{_nearest_module(error.name)} Install the package that has it, or correct the "
                "name."
            ) from error
        raise TargetError(
            f"{option}={source}: importing {module_name!r} failed, because {error.name!r}, which "
            "it imports, is not installed."
        ) from error
    except Exception as error:
        raise TargetError(
            f"{option}={source}: importing {module_name!r} raised {type(error).__name__}: {error}"
        ) from error
    if not hasattr(module, attribute):
        candidates = [name for name, value in vars(module).items() if inspect.isclass(value)]
        raise TargetError(
            f"{option}={source}: module {module_name!r} has no {attribute!r}."
            f"{_nearest(attribute, candidates)}"
        )
    return getattr(module, attribute)


def _flavor(flavor_class: Any, ref: str) -> Flavor:
    from zenml.orchestrators import BaseOrchestrator, BaseOrchestratorFlavor

    if not (inspect.isclass(flavor_class) and issubclass(flavor_class, BaseOrchestratorFlavor)):
        kind = "an orchestrator" if _is_subclass(flavor_class, BaseOrchestrator) else "something"
        raise TargetError(
            f"--orchestrator={ref} names {kind} that is no flavor. Name the subclass of "
            "zenml.orchestrators.BaseOrchestratorFlavor: ZenML registers flavors, and finds the "
            "orchestrator and its config through them."
        )
    try:
        return flavor_class()
    except Exception as error:
        raise TargetError(
            f"--orchestrator={ref}: {flavor_class.__name__}() raised {type(error).__name__}: "
            f"{error}. ZenML makes a flavor with no arguments "
            "(zenml.stack.flavor.validate_flavor_source)."
        ) from error


def _is_subclass(value: Any, parent: type) -> bool:
    return inspect.isclass(value) and issubclass(value, parent)


def _harness(spec: TargetSpec, flavor: Flavor) -> Harness:
    from zenml_conformance.harness import BlackBox, Harness, SeamHarness

    harness_class: Any = None
    if spec.harness:
        if ":" not in spec.harness:
            raise TargetError(f"--orchestrator-harness={spec.harness}: give it as `module:Class`.")
        harness_class = _import(spec.harness, "--orchestrator-harness")
        if not _is_subclass(harness_class, Harness):
            raise TargetError(
                f"--orchestrator-harness={spec.harness} is no subclass of "
                "zenml_conformance.Harness, so the suite does not know how to ask it."
            )
    else:
        for entry_point in entry_points(group=HARNESS_ENTRY_POINTS, name=flavor.name):
            harness_class = entry_point.load()
    try:
        implementation = flavor.implementation_class
    except ModuleNotFoundError as error:
        raise TargetError(
            f"--orchestrator={spec.ref}: the orchestrator can't be imported, because "
            f"{error.name!r} is not installed.{_integration(flavor)}"
        ) from error
    except Exception as error:
        raise TargetError(
            f"--orchestrator={spec.ref}: its implementation_class raised "
            f"{type(error).__name__}: {error}"
        ) from error
    if harness_class is None:
        harness_class = SeamHarness if SeamHarness.fits(implementation) else BlackBox
    harness: Harness = harness_class()
    return BlackBox(harness) if spec.live else harness


def _integration(flavor: Flavor) -> str:
    """How to install what a flavor of one of ZenML's integrations needs."""
    from zenml.integrations.registry import integration_registry

    package = type(flavor).__module__
    for name, integration in integration_registry.integrations.items():
        if package.startswith(f"{integration.__module__}."):
            return f" It is in ZenML's integration {name!r}: `zenml integration install {name}`."
    return ""


def _nearest(name: str, known: list[str]) -> str:
    matches = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f" Did you mean {matches[0]!r}?" if matches else ""


def _nearest_module(name: str) -> str:
    import pkgutil

    parent, _, leaf = name.rpartition(".")
    paths = getattr(importlib.import_module(parent), "__path__", None) if parent else None
    known = [module.name for module in pkgutil.iter_modules(paths)]
    matches = difflib.get_close_matches(leaf, known, n=1, cutoff=0.6)
    return f" Did you mean {f'{parent}.' if parent else ''}{matches[0]}?" if matches else ""
