"""Faults of a stop: what goes on, what starts all the same, and who else is hit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml.enums import ExecutionStatus
from zenml.orchestrators import BaseOrchestrator
from zenml.orchestrators.publish_utils import publish_step_run_status_update

from faulty.former import BOTH, breaks
from zenml_conformance.fake_backend.jobs import JobState
from zenml_conformance.former_reference.orchestrator import ReferenceOrchestrator
from zenml_conformance.former_reference.stopping import Stop

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse


@breaks("STOP-1", scenarios=("stopped",))
class StopsNothing(Stop):
    """The jobs are known to the instance that submitted them, and to nobody else."""

    def jobs(self) -> list[str]:
        """The run's jobs."""
        return []


@breaks("STOP-1", scenarios=("stopped",))
class StopsTheCoordinatorOnly(Stop):
    """The job that was submitted by the client is ended, and the steps go on."""

    def jobs(self) -> list[str]:
        """The run's jobs."""
        return super().jobs()[:1]


@breaks("STOP-1", topologies=BOTH, scenarios=("stopped",))
class KillsAndForgets(Stop):
    """Jobs are killed, and nobody records that their steps are over."""

    def cancel(self, job_id: str) -> None:
        """End a job."""
        self.orchestrator.backend.kill(job_id)

    def settle(self) -> None:
        """Publish the end of what was stopped."""


@breaks("STOP-1", scenarios=("stopped",))
class StopRaises(ReferenceOrchestrator):
    """The backend's client is asked for something that it does not have."""

    def _stop_run_forcefully(self, pipeline_run: PipelineRunResponse) -> None:
        self.backend.cancel_all()  # type: ignore[attr-defined]


@breaks("STOP-2", topologies=BOTH, scenarios=("stopped", "stopped_early"))
class KillsOutright(Stop):
    """Jobs are killed without a word."""

    def cancel(self, job_id: str) -> None:
        """End a job."""
        if self.orchestrator.backend.status(job_id) is JobState.RUNNING:
            self.orchestrator.backend.kill(job_id)
        else:
            super().cancel(job_id)


@breaks("STOP-4", topologies=BOTH, scenarios=("stopped", "stopped_early"))
class StopsRunningJobsOnly(Stop):
    """What waits in the queue is left there."""

    def jobs(self) -> list[str]:
        """The run's jobs."""
        backend = self.orchestrator.backend
        return [i for i in super().jobs() if backend.status(i) is not JobState.QUEUED]


@breaks("STOP-5", scenarios=("stopped", "inspection"))
class CannotStop(ReferenceOrchestrator):
    """There is no stop, and ZenML's own method finds out too late."""

    _stop_run_forcefully = BaseOrchestrator._stop_run_forcefully


@breaks("STOP-6", scenarios=("stopped", "stopped_early"))
class StopsEverybody(Stop):
    """Every job of the backend is taken for one of this run."""

    def jobs(self) -> list[str]:
        """The run's jobs."""
        return [record.id for record in self.orchestrator.backend.jobs()[0]]


@breaks("STOP-6", scenarios=("stopped", "stopped_early"))
class SecondStopRaises(Stop):
    """A run that is over can't be stopped, says the orchestrator."""

    def forcefully(self) -> None:
        """End every job."""
        if not self.run().in_progress and self.run().steps:
            raise RuntimeError("the run is over")
        super().forcefully()


@breaks("STOP-7", topologies=BOTH, scenarios=("stopped_gracefully",))
class GracefulStopDoesNothing(Stop):
    """Nobody is told."""

    def gracefully(self) -> None:
        """Let what runs end, and start nothing new."""


@breaks("STOP-7", scenarios=("stopped_gracefully",))
class GracefulStopRaises(ReferenceOrchestrator):
    """Only forceful stops are known."""

    def _stop_run_gracefully(self, pipeline_run: PipelineRunResponse) -> Any:
        raise RuntimeError("stop the run forcefully")


@breaks("STOP-8", scenarios=("stopped_dynamic",))
class StopsNoIsolatedSteps(Stop):
    """The job that runs the pipeline's code is ended, and the steps' own jobs go on."""

    def jobs(self) -> list[str]:
        """The run's jobs."""
        return super().jobs()[:1]


@breaks("STOP-8", scenarios=("stopped_dynamic",))
class KillsDynamicRunsLikeStaticOnes(Stop):
    """Jobs are killed, their steps are settled, and the run is left to turn by itself."""

    def cancel(self, job_id: str) -> None:
        """End a job."""
        self.orchestrator.backend.kill(job_id)

    def settle(self) -> None:
        """Publish the end of what was stopped."""
        for step in self.run().steps.values():
            if not step.status.is_finished:
                publish_step_run_status_update(step.id, ExecutionStatus.STOPPED)
