"""A pipeline, from its submission to its last status, as a user runs it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from zenml import pipeline, step
from zenml.client import Client
from zenml.config.global_config import GlobalConfiguration
from zenml.enums import StackComponentType
from zenml.models import PipelineRunResponse
from zenml.pipelines.pipeline_definition import Pipeline

from example_pkg.flavor import AcmeOrchestratorFlavor


@step(enable_cache=False)
def one() -> int:
    """Give a number."""
    return 1


@step(enable_cache=False)
def double(number: int) -> int:
    """Depend on a step."""
    return 2 * number


@step(enable_cache=False)
def fail(number: int) -> int:
    """Depend on a step, and fail."""
    raise RuntimeError(f"{number} is not enough")


@pipeline
def good() -> None:
    """Two steps."""
    double(one())


@pipeline
def bad() -> None:
    """Three steps, the second of which fails."""
    double(fail(one()))


@pytest.fixture(scope="module", autouse=True)
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A store with a stack that has the orchestrator in it; steps find this module."""
    here = str(Path(__file__).parent)
    # Removed at the end, which ends what is kept for another run.
    with tempfile.TemporaryDirectory() as stores, pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZENML_CONFIG_PATH", str(tmp_path_factory.mktemp("zenml")))
        patch.setenv("ZENML_LOCAL_STORES_PATH", stores)
        patch.setattr("zenml.utils.source_utils._CUSTOM_SOURCE_ROOT", here)
        patch.syspath_prepend(here)
        GlobalConfiguration._reset_instance()
        Client._reset_instance()
        client = Client()
        flavor = AcmeOrchestratorFlavor
        source = f"{flavor.__module__}.{flavor.__name__}"
        client.create_flavor(source=source, component_type=StackComponentType.ORCHESTRATOR)
        client.create_stack_component(
            name="tested",
            flavor=flavor().name,
            component_type=StackComponentType.ORCHESTRATOR,
            configuration={},
        )
        components = {
            StackComponentType.ORCHESTRATOR: "tested",
            StackComponentType.ARTIFACT_STORE: "default",
        }
        client.create_stack(name="tested", components=dict(components))
        client.activate_stack("tested")
        yield
        GlobalConfiguration._reset_instance()
        Client._reset_instance()


def run(pipeline: Pipeline) -> PipelineRunResponse:
    """Run a pipeline; return what the store says about it."""
    started = pipeline()
    assert started is not None
    return Client().get_pipeline_run(started.id)


def test_a_run_completes() -> None:
    """What a step returns reaches the next."""
    ended = run(good)
    assert ended.status == "completed"
    assert ended.steps["double"].output.load() == 2


def test_a_failure_ends_the_run() -> None:
    """What needs the failed step does not run."""
    ended = run(bad)
    assert ended.status == "failed"
    assert {name: step.status for name, step in ended.steps.items()} == {
        "one": "completed",
        "fail": "failed",
    }
