"""The yardstick: what one step costs in a newly started interpreter.

ZenML times no step from outside, so this orchestrator does: it runs each step as
`python -m zenml.entrypoints.entrypoint`, one after another, and writes down how long each took.
"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, cast
from uuid import uuid4

from pydantic import Field
from zenml.entrypoints.step_entrypoint_configuration import StepEntrypointConfiguration
from zenml.orchestrators import BaseOrchestrator, BaseOrchestratorConfig, BaseOrchestratorFlavor

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse, PipelineSnapshotResponse
    from zenml.orchestrators import SubmissionResult
    from zenml.stack import Stack

RUN_ID_VARIABLE = "ZENML_COLD_STEP_RUN_ID"


class ColdStepEntrypoint(StepEntrypointConfiguration):
    """ZenML's step entrypoint, without its change to a container's `/app`."""

    def prepare_code_environment(self) -> None:
        """Stay where the benchmark's code can be imported."""


class ColdStepConfig(BaseOrchestratorConfig):
    """Where to write the times."""

    report: str = Field(description="File that takes the seconds of each step, one a line.")

    @property
    def is_local(self) -> bool:
        """Steps run on the client's machine."""
        return True


class ColdStepFlavor(BaseOrchestratorFlavor):
    """The flavor of `ColdStepOrchestrator`."""

    @property
    def name(self) -> str:
        """Its name in the benchmark's store."""
        return "cold_step"

    @property
    def config_class(self) -> type[ColdStepConfig]:
        """Its configuration."""
        return ColdStepConfig

    @property
    def implementation_class(self) -> type[ColdStepOrchestrator]:
        """Its implementation."""
        return ColdStepOrchestrator


class ColdStepOrchestrator(BaseOrchestrator):
    """Runs steps one after another, each in a new interpreter, and times them."""

    @property
    def config(self) -> ColdStepConfig:
        """The configuration."""
        return cast(ColdStepConfig, self._config)

    def get_orchestrator_run_id(self) -> str:
        """Read what submission gave to every step."""
        return os.environ[RUN_ID_VARIABLE]

    def submit_pipeline(
        self,
        snapshot: PipelineSnapshotResponse,
        stack: Stack,
        base_environment: dict[str, str],
        step_environments: dict[str, dict[str, str]],
        placeholder_run: PipelineRunResponse | None = None,
    ) -> SubmissionResult | None:
        """Run all steps before returning."""
        run_id = str(uuid4())
        seconds = []
        for name in snapshot.step_configurations:
            command = [
                *ColdStepEntrypoint.get_entrypoint_command(),
                *ColdStepEntrypoint.get_entrypoint_arguments(
                    snapshot_id=snapshot.id, step_name=name
                ),
            ]
            environment = {**os.environ, **step_environments[name], RUN_ID_VARIABLE: run_id}
            began = time.monotonic()
            # Ends when the step does; the client that waits for it has a time limit.
            subprocess.run(command, env=environment, check=True)
            seconds.append(time.monotonic() - began)
        Path(self.config.report).write_text("\n".join(map(str, seconds)))
        return None
