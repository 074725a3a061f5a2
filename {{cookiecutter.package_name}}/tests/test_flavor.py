# jinja: filter replace("Acme", cookiecutter.__class)
# jinja: filter replace("example_pkg", cookiecutter.__module)
"""What ZenML does with the flavor before anything runs."""

from __future__ import annotations

import subprocess
import sys

from zenml.enums import StackComponentType
from zenml.stack.flavor import validate_flavor_source

from example_pkg.flavor import AcmeOrchestratorFlavor


def test_zenml_accepts_the_flavor() -> None:
    """`zenml orchestrator flavor register` makes the same check."""
    flavor = AcmeOrchestratorFlavor
    source = f"{flavor.__module__}.{flavor.__name__}"
    validate_flavor_source(source, StackComponentType.ORCHESTRATOR)
    assert flavor().name == "{{ cookiecutter.flavor }}"


def test_importing_the_flavor_does_not_import_the_orchestrator() -> None:
    """Where only flavors are listed, the backend's libraries need not be installed."""
    flavor = AcmeOrchestratorFlavor.__module__
    package, _, _ = flavor.rpartition(".")
    code = f"import sys, {flavor}; print(*sys.modules)"
    printed = subprocess.check_output([sys.executable, "-c", code], text=True, timeout=120)
    imported = set(printed.split())
    assert f"{package}.config" in imported
    assert not imported & {f"{package}.orchestrator", f"{package}.backend"}
    # jinja: endfilter
    # jinja: endfilter
