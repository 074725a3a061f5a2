"""Faults of caching: what is already recorded runs again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from zenml.client import Client
from zenml.enums import ExecutionStatus
from zenml.orchestrators.step_run_utils import StepRunRequestFactory
from zenml.utils.time_utils import utc_now

from faulty.fault import NATIVE_DAG, breaks
from zenml_conformance.core.coordinator import Coordinator
from zenml_conformance.core.native_dag import NativeDagTopology
from zenml_conformance.reference.orchestrator import ReferenceOrchestrator

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse, StepRunResponse

    from zenml_conformance.core.job_factory import JobFactory
    from zenml_conformance.core.jobs import Job
    from zenml_conformance.core.topology import SubmittedJobs


@breaks("CACHE-2")
class CachedStepsRunAgain(Coordinator):
    """The coordinator runs every step of the snapshot that it loads."""

    def is_done(self, record: StepRunResponse) -> bool:
        return False


@breaks("CACHE-2", topologies=(NATIVE_DAG,))
class SnapshotLoadedAgain(NativeDagTopology):
    """Submission loads the snapshot again, whole."""

    def submit(
        self,
        factory: JobFactory,
        run: PipelineRunResponse,
        base_environment: Mapping[str, str],
        step_environments: Mapping[str, Mapping[str, str]],
    ) -> SubmittedJobs:
        whole = Client().get_snapshot(factory.snapshot.id)
        environments = {
            name: step_environments.get(name, base_environment)
            for name in whole.step_configurations
        }
        factory = replace(factory, snapshot=whole)
        return super().submit(factory, run, base_environment, environments)


@breaks("CACHE-1")
class CachingSwitchedOff(ReferenceOrchestrator):
    """Client-side caching is switched off behind the user's back."""

    def run(self, *arguments: Any, **keywords: Any) -> None:
        os.environ["ZENML_PREVENT_CLIENT_SIDE_CACHING"] = "true"
        super().run(*arguments, **keywords)


@breaks("CACHE-3")
class OldResultsHandedOut(Coordinator):
    """A step that another run of the snapshot has run is recorded with that run's results."""

    def submit(self, name: str, job: Job) -> None:
        earlier = Client().list_pipeline_runs(
            snapshot_id=self.snapshot.id, status="completed", hydrate=True
        )
        if not earlier.items:
            super().submit(name, job)
            return
        factory = StepRunRequestFactory(
            snapshot=self.snapshot, pipeline_run=self.run, stack=self.stack
        )
        request = factory.create_request(name)
        factory.populate_request(request)
        known = earlier.items[0].steps[name].outputs
        request.status, request.end_time = ExecutionStatus.COMPLETED, utc_now()
        request.outputs = {key: [artifact.id for artifact in known[key]] for key in known}
        Client().zen_store.create_run_step(request)
        self.succeeded.add(name)
        self.submit_ready_steps()
