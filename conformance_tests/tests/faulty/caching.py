"""Faults of caching: what is already recorded runs again."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from zenml.client import Client

from faulty.fault import NATIVE_DAG, breaks
from zenml_conformance.reference.orchestrator import ReferenceOrchestrator

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
