"""What importing a flavor brings along, in an interpreter that has imported nothing else."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any


def _third_party(modules: set[str], own: str) -> set[str]:
    """The packages of modules that are neither Python's, nor ZenML's, nor the orchestrator's."""
    packages = {name.partition(".")[0] for name in modules}
    return {
        name
        for name in packages - {own, "zenml", "zenml_conformance"}
        if name not in sys.stdlib_module_names and not name.startswith("_")
    }


def _refers_to(module: ModuleType, packages: set[str]) -> set[str]:
    """Those of some packages that a module has imported, or has imported something from."""
    found = set()
    for value in vars(module).values():
        name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", "")
        found.add(str(name).partition(".")[0])
    return found & packages


def imported(source: str) -> dict[str, Any]:
    """Import a flavor as ZenML does, bit by bit.

    Args:
        source: `module.Class` of the flavor.

    Returns:
        `implementation`: the module of the orchestrator's class; `too_early`: whether it was
        imported with the flavor and its config; `packages`: other people's packages that were
        imported with these, and that modules of the orchestrator's package use which neither
        define the flavor nor its config.
    """
    importlib.import_module("zenml.orchestrators")
    importlib.import_module("zenml.stack.flavor")
    before = set(sys.modules)
    module, _, name = source.rpartition(".")
    flavor = getattr(importlib.import_module(module), name)()
    described = {module, flavor.config_class.__module__}
    with_flavor = set(sys.modules) - before
    implementation = flavor.implementation_class.__module__
    own = implementation.partition(".")[0]
    others = [
        loaded
        for key, loaded in sys.modules.items()
        if key.partition(".")[0] == own and key not in described
    ]
    early = _third_party(with_flavor, own)
    return {
        "implementation": implementation,
        "too_early": implementation in with_flavor,
        "packages": sorted({found for other in others for found in _refers_to(other, early)}),
    }


def main() -> None:
    """Write down what is imported: `python -m zenml_conformance.context.imports FLAVOR RESULT`."""
    source, result = sys.argv[1:]
    Path(result).write_text(json.dumps(imported(source)))


if __name__ == "__main__":
    main()
