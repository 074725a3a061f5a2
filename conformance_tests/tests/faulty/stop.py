"""Faults of a stop: what goes on, what starts all the same, and who else is hit."""

from __future__ import annotations

import signal
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from zenml.orchestrators import BaseOrchestrator

from faulty.dead_steps import Silent
from faulty.fault import BOTH, breaks, fake_backend
from zenml_conformance.core import termination
from zenml_conformance.core.coordinator import Coordinator
from zenml_conformance.core.jobs import JobState
from zenml_conformance.core.reconciliation import Reconciliation
from zenml_conformance.core.stopping import Stop
from zenml_conformance.reference.orchestrator import ReferenceOrchestrator

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse


class DiesAtOnce(Coordinator):
    """Cancels no steps when it is told to end."""

    def walk(self) -> None:
        """Run the steps."""
        assert termination._deferral
        termination._deferral.handler = signal.SIG_DFL
        super().walk()


class OnlyTheControlJob(Stop):
    """Ends the control job, and no other."""

    def alive(self, run: PipelineRunResponse) -> list[str]:
        """The jobs to cancel."""
        control = self.orchestrator.jobs_of(run).control
        return [job_id for job_id in super().alive(run) if job_id == control]


@breaks("STOP-1", scenarios=("stopped",))
class StopsNothing(Stop):
    """The jobs are known to the instance that submitted them, and to nobody else."""

    def alive(self, run: PipelineRunResponse) -> list[str]:
        """The jobs to cancel."""
        return []


@breaks("STOP-1", scenarios=("stopped",), beside=(DiesAtOnce,))
class StopsTheCoordinatorOnly(OnlyTheControlJob):
    """The job that was submitted by the client is ended, and the steps go on."""


class Kills(Stop):
    """Jobs are killed without SIGTERM."""

    def cancel(self, job_id: str) -> bool:
        """End a job."""
        fake_backend(self.orchestrator).kill(job_id)
        return True


@breaks("STOP-1", topologies=BOTH, scenarios=("stopped",), beside=(Silent,))
class KillsAndForgets(Kills):
    """Jobs are killed, and nobody records that their steps are over."""


@breaks("STOP-1", scenarios=("stopped",))
class StopRaises(ReferenceOrchestrator):
    """The backend's client is asked for something that it does not have."""

    def _stop_run_forcefully(self, pipeline_run: PipelineRunResponse) -> None:
        self.backend.cancel_all()  # type: ignore[attr-defined]


@breaks("STOP-2", topologies=BOTH, scenarios=("stopped", "stopped_early"))
class KillsOutright(Kills):
    """Jobs are killed without SIGTERM."""


class _LeavesQueuedStepsAlone(Coordinator):
    def cancel(self, names: Collection[str]) -> None:
        """Cancel steps."""
        states = {name: self.backend.status(self.active[name]) for name in names}
        super().cancel([name for name in names if states[name] is not JobState.QUEUED])


@breaks(
    "STOP-4",
    topologies=BOTH,
    scenarios=("stopped", "stopped_early"),
    beside=(_LeavesQueuedStepsAlone,),
)
class StopsRunningJobsOnly(Stop):
    """What waits in the queue is left there."""

    def alive(self, run: PipelineRunResponse) -> list[str]:
        """The jobs to cancel."""
        alive = super().alive(run)
        return [i for i in alive if self.backend.status(i) is not JobState.QUEUED]


@breaks("STOP-5", scenarios=("stopped", "inspection"))
class CannotStop(ReferenceOrchestrator):
    """There is no stop, and ZenML's own method finds out too late."""

    _stop_run_forcefully = BaseOrchestrator._stop_run_forcefully


@breaks("STOP-6", scenarios=("stopped", "stopped_early"))
class StopsEverybody(Stop):
    """Every job of the backend is taken for one of this run."""

    def alive(self, run: PipelineRunResponse) -> list[str]:
        """The jobs to cancel."""
        records, _ = fake_backend(self.orchestrator).jobs()
        return [record.id for record in records if not record.state.is_ended]


@breaks("STOP-6", scenarios=("stopped", "stopped_early"))
class SecondStopRaises(Stop):
    """A run that is over can't be stopped, says the orchestrator."""

    def forcefully(self) -> None:
        """End every job."""
        if not self.run().in_progress and self.run().steps:
            raise RuntimeError("the run is over")
        super().forcefully()


class _HearsOfNoStop(Coordinator):
    def is_stopped(self) -> bool:
        """Say whether a user has stopped the run."""
        return False


@breaks("STOP-7", topologies=BOTH, scenarios=("stopped_gracefully",), beside=(_HearsOfNoStop,))
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
class StopsNoIsolatedSteps(OnlyTheControlJob):
    """The job that runs the pipeline's code is ended, and the steps' own jobs go on."""


class _LeavesTheRun(Reconciliation):
    def stop_run(self, run: PipelineRunResponse) -> PipelineRunResponse:
        """Publish that the run was stopped."""
        return run


@breaks("STOP-8", scenarios=("stopped_dynamic",), beside=(_LeavesTheRun,))
class KillsDynamicRunsLikeStaticOnes(Kills):
    """Jobs are killed, their steps are settled, and the run is left to turn by itself."""

    def alive(self, run: PipelineRunResponse) -> list[str]:
        """The job of the pipeline's code alone, as long as it lives: it could still end the run."""
        alive = super().alive(run)
        return [i for i in alive if i == self.orchestrator.jobs_of(run).control] or alive
