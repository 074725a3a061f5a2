"""Faults of caching: what is already recorded runs again."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from zenml.client import Client
from zenml.enums import ExecutionStatus
from zenml.orchestrators.step_run_utils import StepRunRequestFactory
from zenml.utils.time_utils import utc_now

from faulty.fault import NATIVE_DAG, breaks
from zenml_conformance.former_reference.coordinator import Walk
from zenml_conformance.former_reference.orchestrator import ReferenceOrchestrator

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse, PipelineSnapshotResponse
    from zenml.stack import Stack


@breaks("CACHE-2")
class CachedStepsRunAgain(ReferenceOrchestrator):
    """The coordinator runs every step of the snapshot that it loads."""

    def skips(self, name: str, run: PipelineRunResponse) -> bool:
        return False


@breaks("CACHE-2", topologies=(NATIVE_DAG,))
class SnapshotLoadedAgain(ReferenceOrchestrator):
    """Submission loads the snapshot again, whole."""

    def submit_dag(
        self,
        snapshot: PipelineSnapshotResponse,
        stack: Stack,
        run_id: str,
        base_environment: dict[str, str],
        step_environments: dict[str, dict[str, str]],
    ) -> dict[str, str]:
        whole = Client().zen_store.get_snapshot(snapshot.id)
        environments = {
            n: step_environments.get(n, base_environment) for n in whole.step_configurations
        }
        return super().submit_dag(whole, stack, run_id, base_environment, environments)


@breaks("CACHE-1")
class CachingSwitchedOff(ReferenceOrchestrator):
    """Client-side caching is switched off behind the user's back."""

    def run(self, *arguments: Any, **keywords: Any) -> None:
        os.environ["ZENML_PREVENT_CLIENT_SIDE_CACHING"] = "true"
        super().run(*arguments, **keywords)


@breaks("CACHE-3")
class OldResultsHandedOut(Walk):
    """A step that another run of the snapshot has run is recorded with that run's results."""

    def _start(self, name: str) -> None:
        earlier = Client().list_pipeline_runs(
            snapshot_id=self.snapshot.id, status="completed", hydrate=True
        )
        run = self.settlement.run()
        if run is None or not earlier.items:
            super()._start(name)
            return
        factory = StepRunRequestFactory(
            snapshot=self.snapshot, pipeline_run=run, stack=Client().active_stack
        )
        request = factory.create_request(name)
        factory.populate_request(request)
        known = earlier.items[0].steps[name].outputs
        request.status, request.end_time = ExecutionStatus.COMPLETED, utc_now()
        request.outputs = {key: [artifact.id for artifact in known[key]] for key in known}
        Client().zen_store.create_run_step(request)
        self.done.add(name)
