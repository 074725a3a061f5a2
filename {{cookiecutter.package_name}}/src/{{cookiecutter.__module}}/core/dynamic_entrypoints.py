"""The programs that the jobs of a dynamic pipeline run.

Apart from those of static steps, which need not import what runs pipelines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from zenml.client import Client
from zenml.enums import ExecutionStatus
from zenml.orchestrators.signal_handler import SignalHandler
from zenml.pipelines.dynamic.entrypoint_configuration import (
    RUN_ID_OPTION,
    DynamicPipelineEntrypointConfiguration,
)
from zenml.step_operators.step_operator_entrypoint_configuration import (
    STEP_RUN_ID_OPTION,
    StepOperatorEntrypointConfiguration,
)

from .entrypoints import SourceRootOption
from .reconciliation import Reconciliation, is_stopped

if TYPE_CHECKING:
    from zenml.config.step_configurations import Step
    from zenml.models import PipelineSnapshotResponse


class PipelineEntrypoint(SourceRootOption, DynamicPipelineEntrypointConfiguration):
    """Runs the function of a dynamic pipeline, and those of its steps that stay in its process."""

    def run(self) -> None:
        """Run the pipeline, unless it was stopped while this job was queued."""
        run_id = self.entrypoint_args.get(RUN_ID_OPTION)
        if run_id and is_stopped(Client().get_pipeline_run(UUID(run_id), hydrate=False)):
            Reconciliation(UUID(run_id)).reconcile_run("The run was stopped before it started.")
            return
        super().run()


class IsolatedStepEntrypoint(SourceRootOption, StepOperatorEntrypointConfiguration):
    """Runs a step of a dynamic pipeline that has a job of its own."""

    def run(self) -> None:
        """Run the step, unless a process of its job has begun to.

        Some systems start a job again after they have lost it, and don't know how far it was. A
        step of a static pipeline is safe from that: ZenML refuses a second record of it.

        Raises:
            RuntimeError: If one has.
        """
        record = Client().get_run_step(UUID(self.entrypoint_args[STEP_RUN_ID_OPTION]))
        if record.status != ExecutionStatus.PROVISIONING:
            raise RuntimeError(
                f"Step `{record.name}` is not run again: it is {record.status.value}, so this is "
                "not the first process of its job."
            )
        super().run()

    def _run_step(self, step: Step, snapshot: PipelineSnapshotResponse) -> None:
        # ZenML prepares other steps for SIGTERM in the launcher, which has no part in this one.
        mode = snapshot.pipeline_configuration.execution_mode
        with SignalHandler(step_run=self.step_run, execution_mode=mode):
            super()._run_step(step=step, snapshot=snapshot)
