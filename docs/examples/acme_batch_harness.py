"""How the suite's fake backend takes the place of the Acme batch service."""

from __future__ import annotations

from typing import Any

from zenml.config.global_config import GlobalConfiguration
from zenml.orchestrators import BaseOrchestrator

from zenml_conformance import Harness
from zenml_conformance.fake_backend import FakeBackend, Job


class ServiceOnFakeBackend:
    """The service's API, as far as the orchestrator uses it."""

    def __init__(self, backend: FakeBackend) -> None:
        """Point at the scenario's backend."""
        self.backend = backend

    def create_job(self, specification: dict[str, Any]) -> str:
        """Say in the suite's words what the orchestrator says in the service's."""
        megabytes = specification["memory_mb"]
        return self.backend.submit(
            Job(
                name=specification["title"],
                command=tuple(specification["argv"]),
                # A remote artifact store is found by its address; the suite's is a directory.
                environment={
                    **specification["variables"],
                    "ZENML_LOCAL_STORES_PATH": GlobalConfiguration().local_stores_path,
                },
                image=specification["image"],
                cpu=specification["cores"],
                memory=None if megabytes is None else round(megabytes * 1000**2),
                depends_on=tuple(specification["after"]),
                spec=specification,
            )
        )


class AcmeBatchHarness(Harness):
    """Connects `AcmeBatchOrchestrator`."""

    # The service's documentation says so.
    job_name_pattern = r"[a-zA-Z0-9_-]{1,63}"

    def config(self) -> dict[str, Any]:
        """Give what the component needs to be registered; nobody listens there."""
        return {"url": "https://acme.invalid", "image": "acme/steps:1"}

    def connect(self, orchestrator_class: type[BaseOrchestrator], backend: FakeBackend) -> None:
        """Replace the service's client."""
        service = ServiceOnFakeBackend(backend)
        orchestrator_class.client = property(lambda _: service)  # type: ignore[attr-defined]
