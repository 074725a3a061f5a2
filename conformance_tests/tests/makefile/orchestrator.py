"""The orchestrator: writes a Makefile for each run, with a target for each step."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import psutil
from zenml.client import Client
from zenml.config.global_config import GlobalConfiguration
from zenml.constants import METADATA_ORCHESTRATOR_RUN_ID
from zenml.entrypoints.step_entrypoint_configuration import StepEntrypointConfiguration
from zenml.enums import ExecutionMode
from zenml.models import PipelineRunUpdate
from zenml.orchestrators import BaseOrchestrator, SubmissionResult

from threaded.ends import end_run

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse, PipelineSnapshotResponse
    from zenml.stack import Stack

RUN_VARIABLE = "MAKEFILE_RUN"
DRIVER = "driver"

STOP_SECONDS = 60
"""How long steps may take to end that are told to."""


class Entrypoint(StepEntrypointConfiguration):
    """Runs a step where it is: the steps are installed."""

    def prepare_code_environment(self) -> None:
        """Leave the working directory alone."""


class MakefileOrchestrator(BaseOrchestrator):
    """Leaves a run to `make`."""

    @property
    def supported_execution_modes(self) -> list[ExecutionMode]:
        """What may happen after a step has failed."""
        return [ExecutionMode.CONTINUE_ON_FAILURE, ExecutionMode.STOP_ON_FAILURE]

    def get_orchestrator_run_id(self) -> str:
        """Tell, in a process of a run, which run it is."""
        if RUN_VARIABLE not in os.environ:
            raise RuntimeError(f"{RUN_VARIABLE} is not set: this process belongs to no run.")
        return os.environ[RUN_VARIABLE]

    def submit_pipeline(
        self,
        snapshot: PipelineSnapshotResponse,
        stack: Stack,
        base_environment: dict[str, str],
        step_environments: dict[str, dict[str, str]],
        placeholder_run: PipelineRunResponse | None = None,
    ) -> SubmissionResult | None:
        """Write the Makefile, and start a process that has `make` follow it."""
        assert placeholder_run, "ZenML leaves the record of a run out for schedules alone."
        run_id = self.new_run_id()
        Client().zen_store.update_run(
            placeholder_run.id, PipelineRunUpdate(orchestrator_run_id=run_id)
        )
        stores = GlobalConfiguration().local_stores_path
        directory = Path(stores, "makefiles", str(uuid4()))
        directory.mkdir(mode=0o700, parents=True)
        own = {RUN_VARIABLE: run_id, "ZENML_REPOSITORY_PATH": os.devnull}
        for name, environment in step_environments.items():
            # ZenML writes its configuration in place whenever a process starts.
            configuration = str(self.file(directory, name).with_suffix(""))
            places = {"ZENML_CONFIG_PATH": configuration, "ZENML_LOCAL_STORES_PATH": stores}
            self.describe(directory, snapshot, name, {**environment, **own, **places})
        self.write_makefile(directory, snapshot, list(step_environments))
        driver = subprocess.Popen(
            [sys.executable, "-m", self.driver, str(directory), str(placeholder_run.id)],
            env={**os.environ, **base_environment, **own},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        return SubmissionResult(
            metadata={METADATA_ORCHESTRATOR_RUN_ID: run_id, DRIVER: str(driver.pid)},
            wait_for_completion=lambda: self.wait_for(driver),
        )

    driver = "makefile.driver"
    """What is started for a run."""

    def new_run_id(self) -> str:
        """Make the id of a run."""
        return f"make-{uuid4()}"

    def wait_for(self, driver: subprocess.Popen[bytes]) -> None:
        """Return when a run is over."""
        driver.wait()

    # -- the Makefile -----------------------------------------------------------------------

    def describe(
        self,
        directory: Path,
        snapshot: PipelineSnapshotResponse,
        name: str,
        environment: dict[str, str],
    ) -> None:
        """Write down the command of a step and its environment, for no one else to read."""
        arguments = Entrypoint.get_entrypoint_arguments(step_name=name, snapshot_id=snapshot.id)
        command = [*Entrypoint.get_entrypoint_command()[1:], *arguments]
        self.write(self.file(directory, name), command, environment)

    def write(self, file: Path, command: list[str], environment: dict[str, str]) -> None:
        """Write down what Python is to run, and the variables that it needs besides."""
        what = {"command": command, "environment": environment}
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), "w") as handle:
            json.dump(what, handle)

    def file(self, directory: Path, name: str) -> Path:
        """Return where a step is written down. Its name may have any characters."""
        return directory / f"{name.encode().hex()}.json"

    def write_makefile(
        self, directory: Path, snapshot: PipelineSnapshotResponse, names: list[str]
    ) -> None:
        """Write a target for each step that ZenML has not found in its cache."""
        lines = [f"all: {' '.join(self.target(name) for name in names)}", ".PHONY: all"]
        for name in names:
            parents = [self.target(parent) for parent in self.parents(snapshot, name)]
            lines += [
                f".PHONY: {self.target(name)}",
                f"{self.target(name)}: {' '.join(p for p in parents)}",
                f"\t@{self.recipe(self.file(directory, name))}",
            ]
        lines += [f"{self.target(name)}: ;" for name in self.cached(snapshot, names)]
        Path(directory, "Makefile").write_text("\n".join(lines) + "\n")
        mode = snapshot.pipeline_configuration.execution_mode
        keep_going = mode is ExecutionMode.CONTINUE_ON_FAILURE
        Path(directory, "options").write_text("--keep-going" if keep_going else "")

    def cached(self, snapshot: PipelineSnapshotResponse, names: list[str]) -> list[str]:
        """Return the steps that are not to be run."""
        return [name for name in snapshot.step_configurations if name not in names]

    def parents(self, snapshot: PipelineSnapshotResponse, name: str) -> list[str]:
        """Return the steps that a step comes after."""
        return list(snapshot.step_configurations[name].spec.upstream_steps)

    def target(self, name: str) -> str:
        """Return the target of a step."""
        return f"step-{name.encode().hex()}"

    def recipe(self, file: Path) -> str:
        """Return the shell command that runs what is written down in a file."""
        return f"exec {shlex.join([sys.executable, '-m', 'makefile.launch', str(file)])}"

    # -- the end ----------------------------------------------------------------------------

    def _stop_run_forcefully(self, pipeline_run: PipelineRunResponse) -> None:
        driver = int(str(pipeline_run.run_metadata[DRIVER]))
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            process = psutil.Process(driver)
            os.killpg(driver, signal.SIGTERM)  # The driver goes on until the steps have ended.
            process.wait(STOP_SECONDS)
        end_run(pipeline_run.id)
