"""A ZenML store with a stack for each of the orchestrators, and a backend for each test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from zenml.client import Client
from zenml.config.global_config import GlobalConfiguration
from zenml.enums import StackComponentType
from zenml.integrations.registry import integration_registry
from zenml.stack import stack as stack_module

from zenml_conformance.core.compiled_dag import CompiledDagTopology
from zenml_conformance.core.coordinator import CoordinatorTopology
from zenml_conformance.core.flavor import ProjectFlavor
from zenml_conformance.core.native_dag import NativeDagTopology
from zenml_conformance.core.topology import Topology

from .acme import (
    AcmeConfig,
    CompiledDagFlavor,
    CoordinatorFlavor,
    InlineOrchestrator,
    InProcessFlavor,
    NativeDagFlavor,
    ProcessFlavor,
)
from .inline_backend import InlineBackend

SOURCE_ROOT = Path(__file__).parents[1]

FLAVORS: tuple[type[ProjectFlavor], ...] = (
    CoordinatorFlavor,
    NativeDagFlavor,
    CompiledDagFlavor,
    ProcessFlavor,
    InProcessFlavor,
)

STACKS: dict[type[Topology], str] = {
    CoordinatorTopology: "coordinator",
    NativeDagTopology: "native_dag",
    CompiledDagTopology: "compiled_dag",
}


@pytest.fixture(scope="package")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of a store that has a stack for each flavor, called like it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [*os.environ]:
            if name.startswith("ZENML_") or name == "DISABLE_DATABASE_MIGRATION":
                patch.delenv(name)
        patch.setenv("ZENML_CONFIG_PATH", str(tmp_path_factory.mktemp("zenml")))
        patch.setenv("ZENML_REPOSITORY_PATH", os.devnull)  # There may be a `.zen` above this.
        patch.setenv("ZENML_ANALYTICS_OPT_IN", "false")
        patch.setenv("ZENML_ENABLE_RICH_TRACEBACK", "false")
        patch.setenv("ZENML_DISABLE_PIPELINE_LOGS_STORAGE", "true")
        patch.setenv("ZENML_DISABLE_STEP_LOGS_STORAGE", "true")
        # Every step has pip list what is installed, which takes longer than all else it does here.
        patch.setattr("zenml.environment.Environment.get_python_packages", list)
        # Nor do the pipelines here need any of the libraries that ZenML could work with.
        patch.setattr(integration_registry, "activate_integrations", lambda: None)
        # What a step imports must be the module that runs here, not a second copy of it.
        patch.setattr("zenml.utils.source_utils._CUSTOM_SOURCE_ROOT", str(SOURCE_ROOT))
        _forget_zenml()
        client = Client()
        for flavor in FLAVORS:
            _create_stack(client, flavor)
        yield client
        _forget_zenml()


@pytest.fixture(params=[CoordinatorTopology, NativeDagTopology], ids=["coordinator", "native_dag"])
def topology(request: pytest.FixtureRequest, client: Client) -> type[Topology]:
    """Who keeps the order of the steps."""
    topology: type[Topology] = request.param
    client.activate_stack(STACKS[topology])
    return topology


@pytest.fixture
def backend(topology: type[Topology], monkeypatch: pytest.MonkeyPatch) -> InlineBackend:
    """The backend of the orchestrator in the active stack."""
    del topology
    backend = InlineBackend(AcmeConfig())
    monkeypatch.setattr(InlineOrchestrator, "backend", backend)
    return backend


def _create_stack(client: Client, flavor: type[ProjectFlavor]) -> None:
    name = flavor().name
    source = f"{flavor.__module__}.{flavor.__name__}"
    orchestrator, store = StackComponentType.ORCHESTRATOR, StackComponentType.ARTIFACT_STORE
    client.create_flavor(source=source, component_type=orchestrator)
    client.create_stack_component(
        name=name, flavor=name, component_type=orchestrator, configuration={}
    )
    client.create_stack(name=name, components={orchestrator: name, store: "default"})


def _forget_zenml() -> None:
    GlobalConfiguration._reset_instance()
    Client._reset_instance()
    stack_module._STACK_CACHE.clear()
