"""The threaded orchestrator, as its clients see it."""

from __future__ import annotations

import math
import os
import sys
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from zenml.client import Client
from zenml.config.global_config import GlobalConfiguration
from zenml.constants import METADATA_ORCHESTRATOR_RUN_ID
from zenml.entrypoints.step_entrypoint_configuration import StepEntrypointConfiguration
from zenml.enums import ExecutionMode, ExecutionStatus
from zenml.models import PipelineRunUpdate
from zenml.orchestrators import BaseOrchestrator, SubmissionResult
from zenml.orchestrators.publish_utils import publish_pipeline_run_metadata

from threaded.ends import end_run
from threaded.flavor import ThreadedSettings

if TYPE_CHECKING:
    from uuid import UUID

    from zenml.metadata.metadata_types import MetadataType
    from zenml.models import PipelineRunResponse, PipelineSnapshotResponse
    from zenml.stack import Stack

    from threaded.harness import Spool

RUN_VARIABLE = "THREADED_RUN"
TICKET = "ticket"
"""Of a run: the ticket of its driver; with a dot and a name those of its steps. Names may have any
characters, and keys may not: names are in hexadecimal."""

TRIES = 10
"""How often in a row the spool may fail to answer."""


class Entrypoint(StepEntrypointConfiguration):
    """Runs a step where it is: the steps are installed."""

    def prepare_code_environment(self) -> None:
        """Leave the working directory alone."""


class ThreadedOrchestrator(BaseOrchestrator):
    """Submits a driver for each run."""

    @property
    def spool(self) -> Spool:
        """What runs tasks. The suite puts it here."""
        raise RuntimeError("The threaded orchestrator runs only under the conformance suite.")

    @property
    def settings_class(self) -> type[ThreadedSettings]:
        """What a step may set."""
        return ThreadedSettings

    @property
    def supported_execution_modes(self) -> list[ExecutionMode]:
        """What may happen after a step has failed."""
        return [ExecutionMode.CONTINUE_ON_FAILURE, ExecutionMode.STOP_ON_FAILURE]

    def get_orchestrator_run_id(self) -> str:
        """Tell, in a task, which run it belongs to."""
        if RUN_VARIABLE not in os.environ:
            raise RuntimeError(f"{RUN_VARIABLE} is not set: this process is no task of a run.")
        return os.environ[RUN_VARIABLE]

    def submit_pipeline(
        self,
        snapshot: PipelineSnapshotResponse,
        stack: Stack,
        base_environment: dict[str, str],
        step_environments: dict[str, dict[str, str]],
        placeholder_run: PipelineRunResponse | None = None,
    ) -> SubmissionResult | None:
        """Submit the driver."""
        assert placeholder_run, "ZenML leaves the record of a run out for schedules alone."
        run_id = f"threaded-{uuid4()}"
        Client().zen_store.update_run(
            placeholder_run.id, PipelineRunUpdate(orchestrator_run_id=run_id)
        )
        driver = [sys.executable, "-m", "threaded.driver", str(placeholder_run.id)]
        ticket = self.put("driver", driver, base_environment, run_id)
        return SubmissionResult(
            metadata={METADATA_ORCHESTRATOR_RUN_ID: run_id, TICKET: ticket},
            wait_for_completion=lambda: self.see_to_the_end(placeholder_run.id, ticket),
        )

    def put_step(self, snapshot: PipelineSnapshotResponse, name: str, run_id: str) -> str:
        """Put the task of a step into the spool."""
        from zenml.orchestrators.utils import get_config_environment_vars
        from zenml.utils.env_utils import get_runtime_environment

        step = snapshot.step_configurations[name]
        variables, secrets = get_config_environment_vars()
        own = get_runtime_environment(config=step.config, stack=Client().active_stack)
        asked: dict[str, Any] = {"image": getattr(self.get_settings(step), "image", None)}
        if self.requires_resources_in_orchestration_environment(step):
            resources = step.config.resource_settings
            kilobytes = resources.get_memory(unit="KB")
            asked["memory"] = None if kilobytes is None else math.ceil(round(kilobytes * 1000, 3))
            asked |= {"cpu": resources.cpu_count, "gpus": resources.gpu_count}
        arguments = Entrypoint.get_entrypoint_arguments(step_name=name, snapshot_id=snapshot.id)
        argv = [sys.executable, *Entrypoint.get_entrypoint_command()[1:], *arguments]
        return self.put("step", argv, {**variables, **secrets, **own}, run_id, **asked)

    def put(
        self, what: str, argv: list[str], variables: dict[str, str], run_id: str, **asked: Any
    ) -> str:
        """Put a task into the spool."""
        here = {
            RUN_VARIABLE: run_id,
            "ZENML_LOCAL_STORES_PATH": GlobalConfiguration().local_stores_path,
            "ZENML_REPOSITORY_PATH": os.devnull,  # Else tasks look for the client's `.zen`.
        }
        return self.spool.put(f"{what}-{uuid4()}", argv, {**variables, **here}, **asked)

    def remember(self, run: UUID, name: str, ticket: str) -> None:
        """Note the ticket of a step, for those that come after the driver."""
        noted: dict[str, MetadataType] = {f"{TICKET}.{name.encode().hex()}": ticket}
        publish_pipeline_run_metadata(run, {self.id: noted})

    def tickets(self, run: PipelineRunResponse) -> list[str]:
        """Return the tickets of a run."""
        noted = run.run_metadata.items()
        return [str(value) for key, value in noted if key.partition(".")[0] == TICKET]

    def wait_for(self, ticket: str) -> None:
        """Return when a task is gone. A spool that does not answer is asked again."""
        tries = 0
        while tries < TRIES:
            try:
                if self.spool.is_gone(ticket):
                    return
                self.spool.pause([ticket])
                tries = 0
            except Exception:
                tries += 1
                time.sleep(0.2 * tries)
        raise RuntimeError(f"The spool does not say what has become of {ticket}.")

    def see_to_the_end(self, run: UUID, driver: str) -> None:
        """Wait for the end of a run, and end what a dead driver has left."""
        self.wait_for(driver)
        for ticket in self.tickets(Client().get_pipeline_run(run)):
            self.wait_for(ticket)
        end_run(run)

    def fetch_status(
        self, run: PipelineRunResponse, include_steps: bool = False
    ) -> tuple[ExecutionStatus | None, dict[str, ExecutionStatus] | None]:
        """End a run whose tasks are all gone."""
        tickets = self.tickets(run)
        if tickets and run.in_progress and all(map(self.spool.is_gone, tickets)):
            end_run(run.id)
        return None, None

    def _stop_run_forcefully(self, pipeline_run: PipelineRunResponse) -> None:
        # Looked up again: the driver may have put a task into the spool in its last moment.
        dropped: set[str] = set()
        while fresh := {*self.tickets(Client().get_pipeline_run(pipeline_run.id))} - dropped:
            for ticket in sorted(fresh):
                self.spool.drop(ticket)
            for ticket in fresh:
                self.wait_for(ticket)
            dropped |= fresh
        end_run(pipeline_run.id)

    def _stop_run_gracefully(self, pipeline_run: PipelineRunResponse) -> None:
        # The driver reads the status of the run before it puts a task into the spool.
        for ticket in self.tickets(Client().get_pipeline_run(pipeline_run.id)):
            if self.spool.is_waiting(ticket):
                self.spool.drop(ticket)
