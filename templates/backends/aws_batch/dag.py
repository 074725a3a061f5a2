"""The order of the steps: that of the core, which leaves nothing in AWS of half a submission."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .core.names import label
from .core.native_dag import DagSubmission, NativeDagTopology

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse, PipelineSnapshotResponse


class BatchSubmission(DagSubmission):
    """The jobs of a run, one after the other."""

    def roll_back(self) -> None:
        """Cancel what was submitted, and remove what was registered for it."""
        from .backend import AcmeBackend

        super().roll_back()
        if isinstance(self.backend, AcmeBackend):
            self.backend.tidy_up(label(self.run.orchestrator_run_id or ""))


class BatchTopology(NativeDagTopology):
    """Batch keeps the order."""

    def submission(
        self, snapshot: PipelineSnapshotResponse, run: PipelineRunResponse
    ) -> BatchSubmission:
        """Return what submits the jobs of a run."""
        return BatchSubmission(self.orchestrator, snapshot, run)
