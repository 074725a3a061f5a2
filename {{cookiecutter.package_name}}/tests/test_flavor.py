# jinja: filter replace("Acme", cookiecutter.__class)
# jinja: filter replace("example_pkg", cookiecutter.__module)
"""The flavor, as ZenML looks at it."""

from __future__ import annotations

import subprocess
import sys

from zenml.enums import StackComponentType
from zenml.stack.flavor import validate_flavor_source

from example_pkg.config import AcmeOrchestratorConfig
from example_pkg.flavor import AcmeOrchestratorFlavor


def test_zenml_accepts_the_flavor() -> None:
    """`zenml orchestrator flavor register` makes the same check."""
    flavor = AcmeOrchestratorFlavor
    source = f"{flavor.__module__}.{flavor.__name__}"
    validate_flavor_source(source, StackComponentType.ORCHESTRATOR)
    assert flavor().name == "{{ cookiecutter.flavor }}"


def test_the_config_survives_storage() -> None:
    """ZenML stores the fields that were set, and builds the config from them again."""
    config = AcmeOrchestratorConfig()
    assert AcmeOrchestratorConfig(**config.model_dump(exclude_unset=True)) == config


def test_importing_the_flavor_does_not_import_the_orchestrator() -> None:
    """Where only flavors are listed, the backend's libraries need not be installed."""
    flavor = AcmeOrchestratorFlavor.__module__
    code = f"import sys, {flavor}; print(*sys.modules)"
    printed = subprocess.check_output([sys.executable, "-c", code], text=True, timeout=120)
    imported = {name.removeprefix(f"{flavor.rpartition('.')[0]}.") for name in printed.split()}
    assert "config" in imported
    assert not imported & {"orchestrator", "backend"}
    # jinja: endfilter
    # jinja: endfilter
