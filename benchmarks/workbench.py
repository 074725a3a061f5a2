"""Where things are timed: a temporary directory with a ZenML store of its own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil
from cookiecutter.main import cookiecutter

from benchmarks import plain_environment

ROOT = Path(__file__).resolve().parents[1]

RUNS = 3
"""How often a long thing is timed; the median counts."""

LIMIT_SECONDS = 600.0
"""After this, a process that is timed is taken for stuck."""

MEMORY_SECONDS = 0.2
"""How often memory is looked at."""

COLD_STEPS = 5


class BenchmarkFailed(RuntimeError):
    """Something that was to be timed did not work. The message has its last words."""


class BenchmarkSkipped(RuntimeError):
    """What is to be timed is not there. The message says how to get it."""


@dataclass(frozen=True)
class RunTimes:
    """When a run and its steps began and ended, in seconds since the submission.

    Attributes:
        seconds: From the submission to the end of the run.
        steps: Start and end of each step, by ZenML's records, in the order of their starts.
        start: Of the pipeline `single`: from the call of `submit_pipeline` to the step's code.
    """

    seconds: float
    steps: list[tuple[float, float]]
    start: float


def _memory(pid: int) -> int:
    """The memory of a process and its descendants, in bytes; shared memory counts once."""
    total = 0
    with contextlib.suppress(psutil.Error):
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                total += process.memory_full_info().pss
    return total


class Workbench:
    """One benchmark run's directory, and everything in it that several benchmarks need."""

    def __init__(self, directory: Path) -> None:
        """Take a directory.

        Args:
            directory: Empty; keeps everything, removed by the caller.
        """
        self.directory = directory
        home = directory / "home"
        home.mkdir()
        self.environment = {
            **os.environ,
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": str(ROOT),
            "ZENML_CONFIG_PATH": str(directory / "zenml"),
            "ZENML_CUSTOM_SOURCE_ROOT": str(ROOT),
            "ZENML_ANALYTICS_OPT_IN": "false",
            "ZENML_ENABLE_RICH_TRACEBACK": "false",
        }

    def time(self, command: Sequence[str], cwd: Path | None = None) -> float:
        """Run a command.

        Args:
            command: The command.
            cwd: Where; by default in the benchmark's directory.

        Returns:
            How many seconds it took.

        Raises:
            BenchmarkFailed: If it fails, or takes longer than `LIMIT_SECONDS`.
        """
        began = time.monotonic()
        self._run(command, cwd, lambda process: process.wait(LIMIT_SECONDS))
        return time.monotonic() - began

    def peak_memory(self, command: Sequence[str], cwd: Path | None = None) -> float:
        """Run a command and watch how much memory it has, with all that it starts.

        Memory that several processes share counts once: the kernel divides it among them (PSS).

        Args:
            command: The command.
            cwd: Where; by default in the benchmark's directory.

        Returns:
            The most that was seen at a time, in GB.

        Raises:
            BenchmarkFailed: If it fails, or takes longer than `LIMIT_SECONDS`.
        """
        peak = 0

        def watch(process: subprocess.Popen[bytes]) -> None:
            nonlocal peak
            deadline = time.monotonic() + LIMIT_SECONDS
            while process.poll() is None:
                if time.monotonic() > deadline:
                    raise subprocess.TimeoutExpired(command, LIMIT_SECONDS)
                peak = max(peak, _memory(process.pid))
                time.sleep(MEMORY_SECONDS)

        self._run(command, cwd, watch)
        return peak / 1e9

    def _run(
        self,
        command: Sequence[str],
        cwd: Path | None,
        wait: Callable[[subprocess.Popen[bytes]], object],
    ) -> None:
        log = self.directory / "command.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                list(command),
                cwd=cwd or self.directory,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            try:
                wait(process)
            except subprocess.TimeoutExpired:
                process.kill()
                raise BenchmarkFailed(
                    f"{' '.join(command)} took longer than {LIMIT_SECONDS:g} s."
                ) from None
        if process.returncode != 0:
            words = log.read_text(errors="replace")[-3000:]
            raise BenchmarkFailed(f"{' '.join(command)} exited with {process.returncode}:\n{words}")

    def tell(self, module: str, *arguments: str, command: Sequence[str] = ()) -> Any:
        """Run a module inside the benchmark's ZenML store.

        Args:
            module: Its name. It writes JSON to the file that its command line names.
            *arguments: What the command line has after that.
            command: What it has before that.

        Returns:
            What it wrote.

        Raises:
            BenchmarkFailed: If it fails.
        """
        result = self.directory / "told.json"
        self.time([sys.executable, "-m", module, *command, str(result), *arguments])
        return json.loads(result.read_text())

    def end(self, run: str) -> float:
        """Say when the last step of a run ended, in seconds since 1970.

        Args:
            run: Its id.

        Raises:
            BenchmarkFailed: If it has not completed.
        """
        return float(self.tell("benchmarks.run_end", run))

    def generate(self, package_name: str, backend_pattern: str) -> None:
        """Generate a project from this template, importable in everything that is timed.

        Args:
            package_name: Its name.
            backend_pattern: Its pattern.
        """
        config = self.directory / "cookiecutter.yml"
        directories = {"cookiecutters_dir": "cookiecutters", "replay_dir": "replay"}
        config.write_text(
            json.dumps({key: str(self.directory / name) for key, name in directories.items()})
        )
        project = cookiecutter(
            str(ROOT),
            no_input=True,
            extra_context={"package_name": package_name, "backend_pattern": backend_pattern},
            output_dir=str(self.directory),
            config_file=str(config),
        )
        self.environment["PYTHONPATH"] += os.pathsep + str(Path(project) / "src")

    def register(self, stacks: dict[str, dict[str, object]]) -> None:
        """Register flavors, and a stack with each.

        Args:
            stacks: By name of the stack its flavor's class and name, and its configuration.
        """
        description = self.directory / "stacks.json"
        description.write_text(json.dumps(stacks))
        self.time([sys.executable, "-m", "benchmarks.client", "register", str(description)])

    @cached_property
    def python(self) -> str:
        """The interpreter of clients and steps."""
        return plain_environment.create(self.directory / "environment")

    def end_warm_server(self) -> None:
        """Let the next run on the generated `local` be the first one."""
        warm = self.directory / "zenml" / "local_stores" / "bench_jobs" / "warm"
        shutil.rmtree(warm, ignore_errors=True)  # There is none before the first run.

    @cached_property
    def _stacks(self) -> Path:
        """Where results go, once everything is registered that `run` needs."""
        self.generate("zenml-bench-orchestrator", "local")
        self.register(
            {
                "cold": {
                    "flavor_class": "benchmarks.cold_step.ColdStepFlavor",
                    "flavor": "cold_step",
                    "configuration": {"report": str(self.directory / "cold.txt")},
                },
                "generated": {
                    "flavor_class": "zenml_bench_orchestrator.flavor.BenchOrchestratorFlavor",
                    "flavor": "bench",
                    "configuration": {"max_parallel_steps": 8},
                },
            }
        )
        return self.directory / "result.json"

    def run(self, stack: str, pipeline: str, length: int = 0) -> RunTimes:
        """Run a pipeline in a client process of its own.

        Args:
            stack: `default`, which has ZenML's local orchestrator, `generated`, `cold`, or one that
                was registered.
            pipeline: `chain`, `cold_chain`, `fan` or `single`.
            length: How many steps a chain has.

        Returns:
            Its times.

        Raises:
            BenchmarkFailed: If the run does not complete.
        """
        result = self._stacks
        arguments = ("run", str(result), stack, pipeline, str(length))
        self.time([self.python, "-m", "benchmarks.client", *arguments])
        times = json.loads(result.read_text())
        steps = sorted((began, ended) for began, ended in times["steps"].values())
        return RunTimes(times["seconds"], steps, times["start"])

    @cached_property
    def cold_step(self) -> float:
        """Seconds of one cold `python -m zenml.entrypoints.entrypoint`: the median of some."""
        self.run("cold", "chain", COLD_STEPS)
        lines = (self.directory / "cold.txt").read_text().splitlines()
        return statistics.median(map(float, lines))
