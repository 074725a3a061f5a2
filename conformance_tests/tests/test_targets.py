"""What can't be judged is refused, and the refusal says what to do."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from zenml_conformance.engine.process import EngineProcess
from zenml_conformance.judging.runner import Runner
from zenml_conformance.target.spec import TargetError, TargetSpec

MODULE = """
from zenml_conformance.harness import Harness
from zenml_conformance.reference.flavor import ReferenceOrchestratorFlavor
from zenml_conformance.reference.orchestrator import ReferenceOrchestrator

class AcmeFlavor(ReferenceOrchestratorFlavor):
    @property
    def name(self):
        return "acme"

class NeedsArguments(AcmeFlavor):
    def __init__(self, url):
        pass

class NeedsAnSDK(AcmeFlavor):
    @property
    def implementation_class(self):
        import acme_sdk

class TakesANameOfZenMLs(ReferenceOrchestratorFlavor):
    @property
    def name(self):
        return "kubernetes"

class AcmeHarness(Harness):
    pass
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    """An engine that finds the packages above."""
    directory = tmp_path_factory.mktemp("targets")
    packages = directory / "packages"
    packages.mkdir()
    (packages / "acme_orchestrator.py").write_text(MODULE)
    (packages / "half_installed.py").write_text("import acme_sdk\n")
    (packages / "broken.py").write_text("1 / 0\n")
    engine = EngineProcess([str(packages), *(path for path in sys.path if path)])
    yield engine
    engine.close()


def runner(engine: EngineProcess, directory: Path, **target: Any) -> Runner:
    return Runner(directory, engine.socket, TargetSpec(**target))


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        (
            "acme_orchestrater:AcmeFlavor",
            "there is no module 'acme_orchestrater' in this environment. Did you mean "
            "acme_orchestrator?",
        ),
        (
            "zenml_conformance.referense.flavor:Flavor",
            "Did you mean zenml_conformance.reference?",
        ),
        ("acme_orchestrator:AcmeFlavour", "has no 'AcmeFlavour'. Did you mean 'AcmeFlavor'?"),
        ("acme_orchestrator.AcmeFlavour", "has no 'AcmeFlavour'. Did you mean 'AcmeFlavor'?"),
        ("acme_orchestrator:ReferenceOrchestrator", "names an orchestrator that is no flavor."),
        ("acme_orchestrator:AcmeHarness", "names something that is no flavor."),
        ("acme_orchestrator:NeedsArguments", "ZenML makes a flavor with no arguments"),
        ("acme_orchestrator:NeedsAnSDK", "can't be imported, because 'acme_sdk' is not installed."),
        ("half_installed:Flavor", "because 'acme_sdk', which it imports, is not installed."),
        ("broken:Flavor", "importing 'broken' raised ZeroDivisionError"),
        ("kubernets", "Did you mean 'kubernetes'?"),
        ("", "ZenML ships no orchestrator flavor of that name."),
    ],
)
def test_a_reference_that_names_no_flavor(
    ref: str, message: str, engine: EngineProcess, tmp_path: Path
) -> None:
    with pytest.raises(TargetError, match=re.escape(message)) as refused:
        runner(engine, tmp_path, ref=ref).describe()
    assert f"--orchestrator={ref.replace('.AcmeFlavour', ':AcmeFlavour')}" in str(refused.value)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"topolgy": "native_dag"}, "has no field 'topolgy'. Did you mean 'topology'?"),
        ({"topology": "mesh"}, "refuses topology='mesh': Input should be 'coordinator' or"),
        ({"synchronous": [1]}, "refuses synchronous=[1]: Input should be a valid boolean"),
    ],
)
def test_a_configuration_that_does_not_fit(
    config: dict[str, Any], message: str, engine: EngineProcess, tmp_path: Path
) -> None:
    with pytest.raises(TargetError, match=re.escape(message)) as refused:
        runner(engine, tmp_path, ref="reference", config=config).describe()
    assert "--orchestrator-config" in str(refused.value)


@pytest.mark.parametrize(
    ("harness", "message"),
    [
        ("acme_orchestrator", "give it as `module:Class`."),
        ("acme_orchestrater:AcmeHarness", "Did you mean acme_orchestrator?"),
        ("acme_orchestrator:AcmeHarnes", "Did you mean 'AcmeHarness'?"),
        ("acme_orchestrator:AcmeFlavor", "is no subclass of zenml_conformance.Harness"),
    ],
)
def test_a_harness_that_is_none(
    harness: str, message: str, engine: EngineProcess, tmp_path: Path
) -> None:
    with pytest.raises(TargetError, match=re.escape(message)) as refused:
        runner(engine, tmp_path, ref="acme_orchestrator:AcmeFlavor", harness=harness).describe()
    assert f"--orchestrator-harness={harness}" in str(refused.value)


def test_a_flavor_with_a_name_that_zenml_has(engine: EngineProcess, tmp_path: Path) -> None:
    taken = runner(engine, tmp_path, ref="acme_orchestrator:TakesANameOfZenMLs")
    taken.describe()
    taken.create_store(tmp_path / "empty")
    with pytest.raises(TargetError, match="'kubernetes', and ZenML ships one of that name"):
        taken.prepare(tmp_path / "empty")


def test_all_ways_to_name_a_flavor(engine: EngineProcess, tmp_path: Path) -> None:
    refs = ("acme_orchestrator:AcmeFlavor", "acme_orchestrator.AcmeFlavor", "reference", "local")
    flavors = [runner(engine, tmp_path, ref=ref).describe().flavor for ref in refs]
    assert flavors == ["acme", "acme", "reference", "local"]
