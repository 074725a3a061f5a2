"""The orchestrator: the class that ZenML calls. It connects `core` to this project's backend."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, cast

from zenml.constants import METADATA_ORCHESTRATOR_LOGS_URL, METADATA_ORCHESTRATOR_URL
from zenml.metadata.metadata_types import Uri

from .config import AcmeOrchestratorConfig, AcmeOrchestratorSettings
from .console import job_url, logs_url
from .core.containers import ContainerizedJobs
from .core.dynamic_pipelines import DynamicPipelines
from .core.schedules import ScheduledRuns, SchedulingBackend
from .dag import BatchTopology
from .job_request import ROLE_VARIABLE
from .job_run_id import job_run_id

if TYPE_CHECKING:
    import boto3
    from zenml.models import PipelineRunResponse, PipelineSnapshotResponse
    from zenml.orchestrators import SubmissionResult

    from .core.topology import SubmittedJobs


class AcmeOrchestrator(ContainerizedJobs, ScheduledRuns, DynamicPipelines):
    """Runs the steps of a pipeline as jobs of AWS Batch, which keeps their order."""

    topology_class = BatchTopology
    settings_class = AcmeOrchestratorSettings

    _session: boto3.Session | None = None

    @cached_property
    def backend(self) -> SchedulingBackend:
        """The system that runs the jobs."""
        from .backend import AcmeBackend

        return AcmeBackend(self.config, self.session)

    @property
    def config(self) -> AcmeOrchestratorConfig:
        """The configuration of the stack component."""
        return cast(AcmeOrchestratorConfig, self._config)

    def session(self) -> boto3.Session:
        """Return a session with valid credentials: the service connector's, or the usual ones.

        Raises:
            TypeError: If the service connector is not one for AWS.
        """
        import boto3

        if self._session is None or self.connector_has_expired():
            is_job = ROLE_VARIABLE in os.environ  # It has its role, and no profiles.
            session = boto3.Session(profile_name=None if is_job else self.config.profile)
            if connector := self.get_connector():
                session = connector.connect()
                if not isinstance(session, boto3.Session):
                    raise TypeError(
                        f"The service connector of `{self.name}` gives {type(session).__name__}, "
                        "not a session of boto3. Connect one of the type `aws`, with the resource "
                        "type `aws-generic`."
                    )
            self._session = session
        return self._session

    def get_orchestrator_run_id(self) -> str:
        """Tell, in a job, which run it belongs to.

        Raises:
            RuntimeError: If this process is not a job; says what was looked for.
        """
        return job_run_id()

    def follow(
        self,
        snapshot: PipelineSnapshotResponse,
        run: PipelineRunResponse,
        run_id: str,
        jobs: SubmittedJobs,
        role: str,
    ) -> SubmissionResult | None:
        """Note where the run is in AWS's console, too."""
        result = super().follow(snapshot, run, run_id, jobs, role)
        if result is not None and result.metadata is not None and not self.config.is_local:
            pages = {
                METADATA_ORCHESTRATOR_URL: job_url(jobs.control),
                METADATA_ORCHESTRATOR_LOGS_URL: logs_url(jobs.control),
            }
            result.metadata.update({name: Uri(url) for name, url in pages.items() if url})
        return result
