"""How long the conformance suite takes."""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.ratio import Ratio
from benchmarks.workbench import RUNS, Workbench


def suite(bench: Workbench) -> list[Ratio]:
    """Time the whole suite on the reference orchestrator.

    Args:
        bench: The workbench.

    Returns:
        The ratio to one cold step.
    """
    runs = sorted((_judge(bench) for _ in range(RUNS)), key=lambda run: run[0])
    seconds, spent = runs[len(runs) // 2]
    return [
        Ratio(
            "whole suite on `reference` / one cold step", seconds, bench.cold_step, 12, spent=spent
        )
    ]


def _judge(bench: Workbench) -> tuple[float, dict[str, float]]:
    directory = bench.directory / "suite"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    began, processor_before = time.monotonic(), _processor_seconds()
    command = [sys.executable, "-m", "pytest", "--orchestrator=reference", "-q"]
    seconds = bench.time(command, cwd=directory)
    processor = _processor_seconds() - processor_before
    submissions = _submissions(directory)
    first = min(submission["began"] for submission in submissions)
    last = max(submission["ended"] or submission["began"] for submission in submissions)
    cores = len(os.sched_getaffinity(0))
    return seconds, {
        "pytest, the engine's import of ZenML, the template store": first - began,
        f"{len(submissions)} clients and their jobs, side by side": last - first,
        "last observations, verdict, clearing up": began + seconds - last,
        f"(processor time in all; {cores} cores could give {cores * seconds:.0f})": processor,
    }


def _submissions(directory: Path) -> list[dict[str, Any]]:
    """Every client that the scenarios have left evidence of."""
    paths = directory.glob(".pytest_cache/d/conformance/*/scenarios/*.json")
    return [client for path in paths for client in json.loads(path.read_text())["submissions"]]


def _processor_seconds() -> float:
    """What all processes that have ended and were waited for have used so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
