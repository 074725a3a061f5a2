"""What is found without a run: code that is never reached, and packages that come with a flavor."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from zenml_conformance.context.imports import imported
from zenml_conformance.reference.config import ReferenceOrchestratorConfig
from zenml_conformance.reference.orchestrator import ReferenceOrchestrator
from zenml_conformance.scenarios.shared.classes import under_claims

if TYPE_CHECKING:
    from zenml.orchestrators import SubmissionResult


class NotSchedulable(ReferenceOrchestratorConfig):
    """Schedules are not declared."""

    @property
    def is_schedulable(self) -> bool:
        return False


class ReadsTheSchedule(ReferenceOrchestrator):
    """Submission has code for schedules."""

    def submit_pipeline(self, snapshot: Any, *args: Any, **kwargs: Any) -> SubmissionResult | None:
        assert not snapshot.schedule
        return None


class IgnoresTheSchedule(ReferenceOrchestrator):
    """Submission says that it has no code for schedules."""

    def submit_pipeline(self, snapshot: Any, *args: Any, **kwargs: Any) -> SubmissionResult | None:
        if snapshot.schedule:
            logging.getLogger(__name__).warning("the schedule is ignored")
        return None


class TakesAllocations(ReferenceOrchestrator):
    """Isolated steps have code for resource pools."""

    def submit_isolated_step_with_allocation(self, *args: Any, **kwargs: Any) -> None:
        pass


def instance(
    orchestrator_class: type[ReferenceOrchestrator], config: ReferenceOrchestratorConfig
) -> ReferenceOrchestrator:
    orchestrator = object.__new__(orchestrator_class)
    orchestrator._config = config
    return orchestrator


def test_a_declared_capability_is_no_under_claim() -> None:
    assert under_claims(instance(ReadsTheSchedule, ReferenceOrchestratorConfig())) == []


def test_code_for_schedules_that_zenml_never_reaches() -> None:
    (found,) = under_claims(instance(ReadsTheSchedule, NotSchedulable()))
    assert found.capability == "schedules"
    assert "update_schedule, delete_schedule, submit_pipeline" in found.detail


def test_what_refuses_schedules_is_no_code_for_them() -> None:
    (found,) = under_claims(instance(IgnoresTheSchedule, NotSchedulable()))
    assert "(update_schedule, delete_schedule)" in found.detail


def test_allocations_that_zenml_never_passes() -> None:
    (found,) = under_claims(instance(TakesAllocations, ReferenceOrchestratorConfig()))
    assert found.capability == "resource pools"


FLAVOR = """
{early}
from zenml.orchestrators import BaseOrchestratorConfig, BaseOrchestratorFlavor

class Flavor(BaseOrchestratorFlavor):
    name = "acme"
    config_class = BaseOrchestratorConfig

    @property
    def implementation_class(self):
        from {package}.implementation import Acme
        return Acme
"""


@pytest.mark.parametrize(
    ("early", "too_early", "packages"),
    [
        ("", False, []),
        ("import {package}.implementation", True, ["acme_client"]),
        ("import acme_client", False, ["acme_client"]),
    ],
)
def test_what_comes_with_a_flavor(
    early: str,
    too_early: bool,
    packages: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    package = f"acme_{abs(hash(early))}"
    directory = tmp_path / package
    directory.mkdir()
    (tmp_path / "acme_client.py").touch()
    (directory / "__init__.py").touch()
    (directory / "flavor.py").write_text(
        FLAVOR.format(early=early.format(package=package), package=package)
    )
    (directory / "implementation.py").write_text(
        "import acme_client\nfrom zenml.orchestrators import BaseOrchestrator\n"
        "class Acme(BaseOrchestrator): ...\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "acme_client", raising=False)
    found = imported(f"{package}.flavor.Flavor")
    assert (found["too_early"], found["packages"]) == (too_early, packages)
