# jinja: filter replace("Acme", cookiecutter.__class)
# jinja: filter replace("example_pkg", cookiecutter.__module)
"""A ZenML of its own for the tests: nothing of the developer's is read or written."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from zenml.client import Client
from zenml.config.global_config import GlobalConfiguration
# jinja: if cookiecutter.backend_pattern == "docker"
from zenml.entrypoints.base_entrypoint_configuration import BaseEntrypointConfiguration
# jinja: endif
from zenml.enums import StackComponentType
from zenml.stack import stack as stack_module

from example_pkg.flavor import (
    AcmeOrchestratorFlavor,
)

FLAVOR = AcmeOrchestratorFlavor
SOURCE = f"{FLAVOR.__module__}.{FLAVOR.__name__}"


def pytest_configure(config: pytest.Config) -> None:
    """Hide the developer's ZenML, before a module with steps and pipelines is imported."""
    folder = tempfile.TemporaryDirectory()
    config.add_cleanup(folder.cleanup)
    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    for name in [*os.environ]:
        if name.startswith("ZENML_") or name == "DISABLE_DATABASE_MIGRATION":
            patch.delenv(name)
    patch.setenv("ZENML_CONFIG_PATH", folder.name)
    # Otherwise ZenML looks for `.zen` in this directory and those above it, and uses and changes
    # the active stack of the repository that it finds (`zenml.client.Client.find_repository`).
    patch.setenv("ZENML_REPOSITORY_PATH", os.devnull)
    patch.setenv("ZENML_ANALYTICS_OPT_IN", "false")
    patch.setenv("ZENML_ENABLE_RICH_TRACEBACK", "false")
    patch.setenv("ZENML_DISABLE_PIPELINE_LOGS_STORAGE", "true")
    patch.setenv("ZENML_DISABLE_STEP_LOGS_STORAGE", "true")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of an empty store, whose active stack has the orchestrator in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZENML_CONFIG_PATH", str(tmp_path_factory.mktemp("zenml")))
        # Every step has pip list what is installed, which takes longer than all else it does here.
        patch.setattr("zenml.environment.Environment.get_python_packages", list)
        # What a step imports must be the module that runs here, not a second copy of it.
        patch.setattr("zenml.utils.source_utils._CUSTOM_SOURCE_ROOT", str(Path(__file__).parent))
        # jinja: if cookiecutter.backend_pattern == "docker"
        # Jobs run in the process of the test. There is no /app, and the code is there.
        patch.setattr(BaseEntrypointConfiguration, "prepare_code_environment", lambda self: None)
        # jinja: endif
        _forget_zenml()
        client = Client()
        client.create_flavor(source=SOURCE, component_type=StackComponentType.ORCHESTRATOR)
        client.create_stack_component(
            name="tested",
            flavor=FLAVOR().name,
            component_type=StackComponentType.ORCHESTRATOR,
            configuration={{ '{"image": "an-image"}' if cookiecutter.backend_pattern == "docker" else "{}" }},
        )
        components = {
            StackComponentType.ORCHESTRATOR: "tested",
            StackComponentType.ARTIFACT_STORE: "default",
        }
        client.create_stack(name="tested", components=dict(components))
        client.activate_stack("tested")
        yield client
        _forget_zenml()


def _forget_zenml() -> None:
    GlobalConfiguration._reset_instance()
    Client._reset_instance()
    stack_module._STACK_CACHE.clear()
    # jinja: endfilter
    # jinja: endfilter
