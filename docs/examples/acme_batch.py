"""An orchestrator as one finds them: written by hand, for a batch service with an HTTP API.

It has no seam that the suite could know. `acme_batch_harness.py` connects it all the same.
"""

from __future__ import annotations

import json
import os
import urllib.request
from typing import TYPE_CHECKING, Any, cast

from zenml.config.resource_settings import ByteUnit
from zenml.entrypoints.step_entrypoint_configuration import StepEntrypointConfiguration
from zenml.orchestrators import (
    BaseOrchestrator,
    BaseOrchestratorConfig,
    BaseOrchestratorFlavor,
    SubmissionResult,
)

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse, PipelineSnapshotResponse
    from zenml.stack import Stack

RUN_ID_VARIABLE = "ACME_RUN_ID"


class AcmeClient:
    """The batch service's API."""

    def __init__(self, url: str) -> None:
        """Point at a service."""
        self.url = url

    def create_job(self, specification: dict[str, Any]) -> str:
        """Create a job; return its id."""
        request = urllib.request.Request(  # noqa: S310 - the config refuses all but https
            f"{self.url}/jobs",
            json.dumps(specification).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            return str(json.load(response)["id"])


class AcmeBatchConfig(BaseOrchestratorConfig):
    """Where the service is, and which image the jobs run in."""

    url: str
    image: str

    @property
    def is_remote(self) -> bool:
        """Jobs run on the service's machines: ZenML then refuses stores that only this one has."""
        return True


class AcmeBatchFlavor(BaseOrchestratorFlavor):
    """The flavor."""

    @property
    def name(self) -> str:
        """Its name."""
        return "acme_batch"

    @property
    def config_class(self) -> type[AcmeBatchConfig]:
        """Its configuration."""
        return AcmeBatchConfig

    @property
    def implementation_class(self) -> type[AcmeBatchOrchestrator]:
        """Its implementation."""
        return AcmeBatchOrchestrator


class AcmeBatchOrchestrator(BaseOrchestrator):
    """Gives the service all jobs at once, each with the jobs that come before it."""

    @property
    def client(self) -> AcmeClient:
        """The service."""
        return AcmeClient(cast(AcmeBatchConfig, self.config).url)

    def get_orchestrator_run_id(self) -> str:
        """Read what submission gave to every job."""
        try:
            return os.environ[RUN_ID_VARIABLE]
        except KeyError:
            raise RuntimeError(f"{RUN_ID_VARIABLE} is not set: this is no job of a run.") from None

    def submit_pipeline(
        self,
        snapshot: PipelineSnapshotResponse,
        stack: Stack,
        base_environment: dict[str, str],
        step_environments: dict[str, dict[str, str]],
        placeholder_run: PipelineRunResponse | None = None,
    ) -> SubmissionResult | None:
        """Create the jobs, in the order of the pipeline."""
        run_id = str(placeholder_run.id if placeholder_run else snapshot.id)
        jobs: dict[str, str] = {}
        for name, step in snapshot.step_configurations.items():
            resources = step.config.resource_settings
            jobs[name] = self.client.create_job(
                {
                    "title": f"{run_id[:8]}-{name}"[:63],
                    "image": cast(AcmeBatchConfig, self.config).image,
                    "argv": [
                        *StepEntrypointConfiguration.get_entrypoint_command(),
                        *StepEntrypointConfiguration.get_entrypoint_arguments(
                            snapshot_id=snapshot.id, step_name=name
                        ),
                    ],
                    "variables": {**step_environments[name], RUN_ID_VARIABLE: run_id},
                    "cores": resources.cpu_count,
                    "memory_mb": resources.get_memory(unit=ByteUnit.MB),
                    "after": [jobs[upstream] for upstream in step.spec.upstream_steps],
                }
            )
        return SubmissionResult(metadata={"acme_jobs": dict(jobs)})
