"""How long the conformance suite takes, and how much memory."""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from rich.table import Table

from benchmarks.ratio import Ratio
from benchmarks.workbench import RUNS, Workbench

COMMAND = [sys.executable, "-m", "pytest", "--orchestrator=reference", "-q"]

ON_SERVERS = [*COMMAND, "--conformance-store=server"]

MEMORY_GB = 1.5
"""What the suite may take, with every process that it starts."""


def suite(bench: Workbench) -> list[Ratio]:
    """Measure the whole suite on the reference orchestrator: its time and its memory.

    Args:
        bench: The workbench.

    Returns:
        The ratio of its time to one cold step, and of its memory to what it may take.
    """
    runs = sorted((_judge(bench) for _ in range(RUNS)), key=lambda run: run[0])
    seconds, spent, scenarios = runs[len(runs) // 2]
    peak = bench.peak_memory(COMMAND, cwd=_directory(bench))
    return [
        Ratio(
            "whole suite on `reference` / one cold step",
            seconds,
            bench.cold_step,
            20,
            spent=spent,
            detail=scenarios,
        ),
        Ratio("peak memory of the suite / allowed", peak, MEMORY_GB, 1, unit="GB"),
    ]


def servers(bench: Workbench) -> list[Ratio]:
    """Measure what ZenML servers cost: the suite's time, and the requests of a run.

    Args:
        bench: The workbench.

    Returns:
        The ratio of the suite's time on servers to that on files, each run once, and of the
        requests of a run to its steps: those of its client and of its coordinator included.
    """
    on_files = bench.time(COMMAND, cwd=_directory(bench))
    directory = _directory(bench)
    on_servers = bench.time(ON_SERVERS, cwd=directory)
    (diamond,) = directory.glob(".pytest_cache/d/conformance/*/scenarios/diamond")
    evidence = json.loads(diamond.with_suffix(".json").read_text())
    steps = sum(len(run["steps"]) for run in evidence["runs"])
    requests = len((diamond / "server" / "requests").read_text().splitlines())
    return [
        Ratio("whole suite on ZenML servers / on files", on_servers, on_files, 3),
        Ratio("requests of a run / its steps", requests, steps, 35, unit=""),
    ]


def _directory(bench: Workbench) -> Path:
    directory = bench.directory / "suite"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    return directory


def _judge(bench: Workbench) -> tuple[float, dict[str, float], Table]:
    directory = _directory(bench)
    began, processor_before = time.monotonic(), _processor_seconds()
    seconds = bench.time(COMMAND, cwd=directory)
    processor = _processor_seconds() - processor_before
    evidence = _evidence(directory)
    submissions = [client for seen in evidence for client in seen["submissions"]]
    first = min(submission["began"] for submission in submissions)
    last = max(submission["ended"] or submission["began"] for submission in submissions)
    cores = len(os.sched_getaffinity(0))
    spent = {
        "pytest, the engine's import of ZenML, the template store": first - began,
        f"{len(submissions)} clients and their jobs, side by side": last - first,
        "last observations, verdict, clearing up": began + seconds - last,
        f"(processor time in all; {cores} cores could give {cores * seconds:.0f})": processor,
    }
    return seconds, spent, _by_scenario(evidence)


def _by_scenario(evidence: list[dict[str, Any]]) -> Table:
    """Where the time goes: the scenarios, the dearest first."""
    table = Table(title="Where the suite's time goes", title_justify="left")
    table.add_column("scenario")
    for heading in ("processes", "processor s", "s"):
        table.add_column(heading, justify="right")
    costs = [(seen["cost"], seen["scenario"]) for seen in evidence if seen["cost"]]
    for cost, scenario in sorted(costs, key=lambda pair: -pair[0]["cpu_seconds"]):
        figures = f"{cost['cpu_seconds']:.1f}", f"{cost['seconds']:.1f}"
        table.add_row(scenario, str(cost["processes"]), *figures)
    return table


def _evidence(directory: Path) -> list[dict[str, Any]]:
    """What every scenario has left."""
    paths = directory.glob(".pytest_cache/d/conformance/*/scenarios/*.json")
    return [json.loads(path.read_text()) for path in paths]


def _processor_seconds() -> float:
    """What all processes that have ended and were waited for have used so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
