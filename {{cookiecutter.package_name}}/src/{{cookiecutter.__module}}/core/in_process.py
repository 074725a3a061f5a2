"""Direct orchestration: the client's own process runs the steps, one after the other."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from zenml.client import Client
from zenml.config.global_config import GlobalConfiguration
from zenml.constants import METADATA_ORCHESTRATOR_RUN_ID
from zenml.enums import ExecutionMode, ExecutionStatus
from zenml.exceptions import IllegalOperationError
from zenml.execution.step.utils import launch_step
from zenml.logger import get_logger
from zenml.orchestrators import BaseOrchestrator
from zenml.orchestrators.publish_utils import publish_pipeline_run_metadata
from zenml.utils.env_utils import temporary_environment

from .lifeline import hold, holder, sign
from .reconciliation import Reconciliation, is_stopped
from .run_id import RUN_ID_VARIABLE, announce_run_id, read_run_id

if TYPE_CHECKING:
    from zenml.metadata.metadata_types import MetadataType
    from zenml.models import PipelineRunResponse, PipelineSnapshotResponse
    from zenml.stack import Stack

logger = get_logger(__name__)

HOST_METADATA = "host"
PID_METADATA = "pid"

# A process has one environment and, in ZenML, one run context for the hooks of a run. So runs
# that are started in several threads take turns.
_turn = threading.Lock()


class InProcessOrchestrator(BaseOrchestrator):
    """Runs the steps of a pipeline in the client's process, in an order that the DAG allows.

    Holds no state of a run: ZenML uses one instance in all threads, and others in other
    processes to refresh a run.
    """

    @property
    def supported_execution_modes(self) -> list[ExecutionMode]:
        """What may happen after a step has failed. ZenML refuses pipelines in other modes."""
        return list(ExecutionMode)

    @property
    def run_init_cleanup_at_step_level(self) -> bool:
        """Whether each step runs the pipeline's init and cleanup hooks.

        No: the steps share a process, so the hooks enclose the run, and all steps see what the
        init hook has returned.
        """
        return False

    def get_orchestrator_run_id(self) -> str:
        """Tell, in a step, which run it belongs to.

        Raises:
            RuntimeError: If no run is going on in this process.
        """
        return read_run_id()

    def submit_pipeline(
        self,
        snapshot: PipelineSnapshotResponse,
        stack: Stack,
        base_environment: dict[str, str],
        step_environments: dict[str, dict[str, str]],
        placeholder_run: PipelineRunResponse | None = None,
    ) -> None:
        """Run a static pipeline.

        Args:
            snapshot: The pipeline, without the steps that ZenML has found in its cache.
            stack: The stack to run on.
            base_environment: Not used: this process reaches ZenML already.
            step_environments: The environment of each step.
            placeholder_run: The record that ZenML has created for the run, if any.
        """
        del stack, base_environment
        run = _begin_run(snapshot, placeholder_run)
        for name, step in snapshot.step_configurations.items():
            if self.requires_resources_in_orchestration_environment(step):
                logger.warning(
                    "Step `%s` asks for resources (%s). It gets what the client's process has.",
                    name,
                    step.config.resource_settings.model_dump(exclude_unset=True, exclude_none=True),
                )
        self._see_through(run, lambda: self._run_steps(snapshot, step_environments, run))

    def submit_dynamic_pipeline(
        self,
        snapshot: PipelineSnapshotResponse,
        stack: Stack,
        environment: dict[str, str],
        placeholder_run: PipelineRunResponse | None = None,
    ) -> None:
        """Run a dynamic pipeline. All of its steps stay in this process.

        Args:
            snapshot: The pipeline.
            stack: The stack to run on.
            environment: The environment of the pipeline's function.
            placeholder_run: The record of the run, if there is one; of a run that is resumed or
                retried, the record that it has.
        """
        del stack
        run = _begin_run(snapshot, placeholder_run)
        self._see_through(run, lambda: self._run_function(snapshot, environment, run))

    def _see_through(self, run: PipelineRunResponse, work: Callable[[], None]) -> None:
        """Do the work of a run, and see that the run has ended then, in whatever way."""
        lifeline = self._lifeline(run)
        lifeline.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        alive = hold(lifeline)
        sign(alive, os.getpid())
        # Not left to ZenML, which would do so when the run is over: it is to be refreshed, and
        # may be stopped, before.
        metadata: dict[str, MetadataType] = {
            METADATA_ORCHESTRATOR_RUN_ID: str(run.orchestrator_run_id),
            HOST_METADATA: socket.gethostname(),
            PID_METADATA: os.getpid(),
        }
        publish_pipeline_run_metadata(run.id, {self.id: metadata})
        try:
            with _turn:
                work()
        finally:
            # Does nothing after a run that went its way. After an interruption there are steps
            # left that will never run.
            reason = "The run was interrupted before the step could run."
            Reconciliation(run.id).reconcile_run(reason)
            lifeline.unlink(missing_ok=True)
            os.close(alive)

    def _run_steps(
        self,
        snapshot: PipelineSnapshotResponse,
        step_environments: dict[str, dict[str, str]],
        run: PipelineRunResponse,
    ) -> None:
        run_id = str(run.orchestrator_run_id)
        mode = snapshot.pipeline_configuration.execution_mode
        not_succeeded: set[str] = set()
        self.run_init_hook(snapshot=snapshot)
        try:
            # ZenML lists steps in an order in which each comes after those that it needs.
            for name, step in snapshot.step_configurations.items():
                if is_stopped(Client().get_pipeline_run(run.id, hydrate=False)):
                    logger.warning("The run was stopped.")
                    break
                if not_succeeded.intersection(step.spec.upstream_steps):
                    logger.warning("Step `%s` is skipped: a step before it has failed.", name)
                    not_succeeded.add(name)
                    continue
                environment = {**step_environments[name], RUN_ID_VARIABLE: run_id}
                try:
                    with temporary_environment(environment):
                        # Not `run_step`, which takes the snapshot from an attribute of this
                        # instance, and that may belong to the run of another thread by now.
                        launch_step(
                            snapshot=snapshot,
                            step=step,
                            orchestrator_run_id=run_id,
                            retry=not self.config.handles_step_retries,
                        )
                except Exception:
                    logger.exception("Step `%s` failed.", name)
                    not_succeeded.add(name)
                    if mode != ExecutionMode.CONTINUE_ON_FAILURE:
                        break
        finally:
            self.run_cleanup_hook(snapshot=snapshot)

    def _run_function(
        self,
        snapshot: PipelineSnapshotResponse,
        environment: dict[str, str],
        run: PipelineRunResponse,
    ) -> None:
        from zenml.execution.pipeline.dynamic.runner import DynamicPipelineRunner

        variables = {**environment, RUN_ID_VARIABLE: str(run.orchestrator_run_id)}
        with temporary_environment(variables):
            runner = DynamicPipelineRunner(snapshot=snapshot, run=run, orchestrator=self)
            try:
                runner.run_pipeline()
            except Exception:
                if not runner.run.status.is_finished:
                    raise
                # It is how the pipeline has ended, and recorded as that.
                logger.exception("Pipeline `%s` failed.", snapshot.pipeline_configuration.name)

    def fetch_status(
        self, run: PipelineRunResponse, include_steps: bool = False
    ) -> tuple[ExecutionStatus | None, dict[str, ExecutionStatus] | None]:
        """Finish a run whose client has died.

        Args:
            run: The run.
            include_steps: Ignored: steps are reconciled together with their run.

        Returns:
            `FAILED` if the run had to be given up, else None: the store knows better. None for
            the steps, whose records are up to date by then.
        """
        del include_steps
        # The client of a run on another machine can't be seen from here.
        here = run.run_metadata.get(HOST_METADATA) == socket.gethostname()
        if not here or not run.in_progress:
            return None, None
        lifeline = self._lifeline(run)
        if holder(lifeline) is not None:
            return None, None
        run = Reconciliation(run.id).reconcile_run("The process that ran the steps has died.")
        lifeline.unlink(missing_ok=True)
        return (ExecutionStatus.FAILED if run.status == ExecutionStatus.FAILED else None), None

    def stop_run(self, run: PipelineRunResponse, graceful: bool = False) -> None:
        """Stop a run after the step that runs now.

        Refuses to do more than that before ZenML calls the run `stopping`, since it could never
        be finished then.

        Args:
            run: The run.
            graceful: Whether a step that runs may end as it likes. It must.

        Raises:
            IllegalOperationError: If it may not. The step runs in the process of the user's
                client, which is not for others to kill.
        """
        if not graceful:
            raise IllegalOperationError(
                f"The steps of run {run.id} run in the process that has started it, and that may "
                "do other work as well, so it is not killed. Interrupt it where it runs (process "
                f"{run.run_metadata.get(PID_METADATA)} on {run.run_metadata.get(HOST_METADATA)}),"
                f" or let this step be the last: `zenml pipeline runs stop --graceful {run.id}`."
            )
        super().stop_run(run, graceful=True)

    def _stop_run_gracefully(self, pipeline_run: PipelineRunResponse) -> None:
        # The client looks before each step. Unless it has died.
        self.fetch_status(Client().get_pipeline_run(pipeline_run.id))

    def _lifeline(self, run: PipelineRunResponse) -> Path:
        stores = Path(GlobalConfiguration().local_stores_path)
        return stores / f"{self.flavor}_runs" / f"{run.orchestrator_run_id}.alive"


def _begin_run(
    snapshot: PipelineSnapshotResponse, placeholder_run: PipelineRunResponse | None
) -> PipelineRunResponse:
    """Return the run, with its id: one that is resumed has had it since it was first submitted."""
    if placeholder_run and placeholder_run.orchestrator_run_id:
        return placeholder_run
    return announce_run_id(
        str(placeholder_run.id if placeholder_run else uuid4()), snapshot, placeholder_run
    )
