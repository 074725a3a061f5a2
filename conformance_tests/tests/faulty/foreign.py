"""Faults of orchestrators that share no line with the core: `make`, and threads."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faulty.fault import MAKEFILE, THREADED, breaks_foreign
from makefile.forking import ForkingMakefileOrchestrator
from makefile.orchestrator import Entrypoint, MakefileOrchestrator
from threaded.orchestrator import ThreadedOrchestrator

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse, PipelineSnapshotResponse


@breaks_foreign(MAKEFILE, "RUNID-4")
class EndlessIds(ForkingMakefileOrchestrator):
    """The id of a run is longer than ZenML's store can take."""

    def new_run_id(self) -> str:
        return super().new_run_id() + "0" * 300


@breaks_foreign(MAKEFILE, "DAG-1")
class OnlyOnePrerequisite(ForkingMakefileOrchestrator):
    """A target comes after one step, though the step has two before it."""

    def parents(self, snapshot: PipelineSnapshotResponse, name: str) -> list[str]:
        return super().parents(snapshot, name)[:1]


@breaks_foreign(MAKEFILE, "DAG-5")
class StartsFunctions(ForkingMakefileOrchestrator):
    """Steps are started by the name of their function, not by their invocation id."""

    def describe(
        self,
        directory: Path,
        snapshot: PipelineSnapshotResponse,
        name: str,
        environment: dict[str, str],
    ) -> None:
        function = snapshot.step_configurations[name].spec.source.attribute
        assert function
        arguments = Entrypoint.get_entrypoint_arguments(step_name=function, snapshot_id=snapshot.id)
        command = [*Entrypoint.get_entrypoint_command()[1:], *arguments]
        self.write(self.file(directory, name), command, environment)


@breaks_foreign(MAKEFILE, "ENV-4")
class VariablesOnTheCommandLine(MakefileOrchestrator):
    """Every user of the machine can read a step's variables in the list of processes."""

    def write(self, file: Path, command: list[str], environment: dict[str, str]) -> None:
        words = ["env", *(f"{name}={value}" for name, value in environment.items())]
        script = f"{shlex.join([*words, sys.executable, *command])}; exit $?"
        file.touch(mode=0o700)
        file.write_text(script)

    def recipe(self, file: Path) -> str:
        return f'sh -c "$$(cat {shlex.quote(str(file))})"'


@breaks_foreign(MAKEFILE, "ENV-1")
class UpperCaseNames(ForkingMakefileOrchestrator):
    """Names of variables are put in upper case."""

    def write(self, file: Path, command: list[str], environment: dict[str, str]) -> None:
        upper = {name.upper(): value for name, value in environment.items()}
        super().write(file, command, upper)


@breaks_foreign(MAKEFILE, "ENV-4", "SUB-11")
class Careless(ForkingMakefileOrchestrator):
    """All users can read the files with a step's variables, and no run is waited for."""

    def write(self, file: Path, command: list[str], environment: dict[str, str]) -> None:
        super().write(file, command, environment)
        file.chmod(0o644)

    def wait_for(self, driver: subprocess.Popen[bytes]) -> None:
        del driver


@breaks_foreign(MAKEFILE, "STOP-1")
class StopsInName(ForkingMakefileOrchestrator):
    """A stop leaves everything as it is."""

    def _stop_run_forcefully(self, pipeline_run: PipelineRunResponse) -> None:
        del pipeline_run


@breaks_foreign(THREADED, "STOP-1")
class ForgetsTasks(ThreadedOrchestrator):
    """Stopping a run ends its records, and not what runs."""

    def tickets(self, run: PipelineRunResponse) -> list[str]:
        return []


@breaks_foreign(THREADED, "RES-1")
class OnlyGpus(ThreadedOrchestrator):
    """Of what steps ask for, tasks have the GPUs alone."""

    def put(
        self, what: str, argv: list[str], variables: dict[str, str], run_id: str, **asked: Any
    ) -> str:
        asked = {name: value for name, value in asked.items() if name in ("image", "gpus")}
        return super().put(what, argv, variables, run_id, **asked)


@breaks_foreign(THREADED, "ENV-2")
class SharedVariables(ThreadedOrchestrator):
    """The variables of all steps are collected in one place."""

    def put(
        self, what: str, argv: list[str], variables: dict[str, str], run_id: str, **asked: Any
    ) -> str:
        collected = self.__dict__.setdefault("_collected", {})
        own = {name: value for name, value in variables.items() if name.startswith("CONF")}
        collected.update({name: value for name, value in own.items() if name not in collected})
        return super().put(what, argv, {**variables, **collected}, run_id, **asked)
