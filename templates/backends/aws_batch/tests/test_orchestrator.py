"""Whose credentials the orchestrator works with, and which stacks it accepts."""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import boto3
import pytest
from zenml.enums import StackComponentType

from example_pkg.config import (
    AcmeOrchestratorConfig,
)
from example_pkg.flavor import AcmeOrchestratorFlavor
from example_pkg.orchestrator import AcmeOrchestrator


def an_orchestrator(**config: Any) -> AcmeOrchestrator:
    """Make an orchestrator without a store behind it."""
    now = datetime(2025, 1, 1)
    return AcmeOrchestrator(
        name="an-orchestrator",
        id=uuid4(),
        config=AcmeOrchestratorConfig(queue="a-queue", **config),
        flavor="acme_flavor",
        type=StackComponentType.ORCHESTRATOR,
        user=None,
        created=now,
        updated=now,
    )


class Connector:
    """What a service connector is to an orchestrator."""

    def __init__(self, result: Any = None) -> None:
        """Have it give something in the place of sessions."""
        self.result = result
        self.expired = False

    def connect(self) -> Any:
        """Give a session."""
        self.expired = False
        return self.result or boto3.Session("an-id", "a-key", region_name="eu-west-3")


def test_a_service_connector_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its session is used until it expires, and clients are made anew then."""
    connector, orchestrator = Connector(), an_orchestrator()
    monkeypatch.setattr(orchestrator, "get_connector", lambda: connector)
    monkeypatch.setattr(orchestrator, "connector_has_expired", lambda: connector.expired)
    first = orchestrator.session()
    assert orchestrator.session() is first
    aws = orchestrator.backend.aws  # type: ignore[attr-defined]
    client = aws.client("batch")
    assert client.meta.region_name == aws.region == "eu-west-3"
    assert aws.client("batch") is client
    connector.expired = True
    assert aws.client("batch") is not client
    assert orchestrator.session() is not first


def test_a_connector_for_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says which one it takes."""
    orchestrator = an_orchestrator()
    monkeypatch.setattr(orchestrator, "get_connector", lambda: Connector("no session"))
    monkeypatch.setattr(orchestrator, "connector_has_expired", lambda: True)
    with pytest.raises(TypeError, match="resource type `aws-generic`"):
        orchestrator.session()
    assert AcmeOrchestratorFlavor().connector_resource_type == "aws-generic"


def test_the_region_of_the_configuration_goes_before_the_connector_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A connector has one, and queues may be in another."""
    orchestrator = an_orchestrator(region="eu-north-1")
    monkeypatch.setattr(orchestrator, "get_connector", Connector)
    monkeypatch.setattr(orchestrator, "connector_has_expired", lambda: False)
    assert orchestrator.backend.aws.region == "eu-north-1"  # type: ignore[attr-defined]


def test_components_that_jobs_do_not_reach_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless AWS is an emulation on this machine."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    store = SimpleNamespace(name="default", config=SimpleNamespace(is_local=True))
    stack: Any = SimpleNamespace(all_components=[store])
    check = an_orchestrator(image="an/image").validator._custom_validation_function
    assert check is not None
    accepted, message = check(stack)
    assert not accepted
    assert "`default`" in message
    emulated = an_orchestrator(endpoint_url="http://localhost:5000")
    check = emulated.validator._custom_validation_function
    assert check is not None
    assert check(stack)[0]


def test_images_that_zenml_builds_need_a_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """An image that is there needs none."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    assert len(an_orchestrator().validator._required_components) == 2
    assert not an_orchestrator(image="an/image").validator._required_components
