"""How fast the generated `local` orchestrator is."""

from __future__ import annotations

import statistics
from itertools import pairwise

from benchmarks.pipelines import NAP_SECONDS, NAPS
from benchmarks.ratio import Ratio
from benchmarks.workbench import RUNS, RunTimes, Workbench

CHAIN_LENGTH = 11


def _median_run(bench: Workbench, pipeline: str, length: int = 0) -> RunTimes:
    runs = [bench.run("generated", pipeline, length) for _ in range(RUNS)]
    return sorted(runs, key=lambda run: run.seconds)[len(runs) // 2]


def parallel(bench: Workbench) -> list[Ratio]:
    """Time steps that wait, side by side here and one after another in ZenML's own orchestrator.

    Args:
        bench: The workbench.

    Returns:
        How many times faster a run is, from its submission to its end.
    """
    ours = _median_run(bench, "fan")
    # Nothing to take a median of: it is the sum of its naps and half a second.
    zenml = bench.run("default", "fan")
    naps, (join_began, _) = ours.steps[:-1], ours.steps[-1]
    first, last_start = naps[0][0], naps[-1][0]
    last_end = max(ended for _, ended in naps)
    return [
        Ratio(
            f"{NAPS} steps of {NAP_SECONDS:g} s and a join: ZenML's `local` / generated `local`",
            zenml.seconds,
            ours.seconds,
            3.5,
            "higher",
            spent={
                "submission and the coordinator's start, until the first step starts": first,
                "until the last of the parallel steps starts": last_start - first,
                "until all of them have ended": last_end - last_start,
                "until the join starts": join_began - last_end,
                "until the run has ended": ours.seconds - join_began,
            },
        )
    ]


def overhead(bench: Workbench) -> list[Ratio]:
    """Time what one more no-op step adds to a chain.

    Args:
        bench: The workbench.

    Returns:
        The time from one step's start to the next one's, as a share of a cold step.
    """
    steps = _median_run(bench, "chain", CHAIN_LENGTH).steps
    cycles = [later[0] - earlier[0] for earlier, later in pairwise(steps)]
    inside = [ended - began for began, ended in steps]
    between = [later[0] - earlier[1] for earlier, later in pairwise(steps)]
    return [
        Ratio(
            "one more step on generated `local` / one cold step",
            statistics.median(cycles),
            bench.cold_step,
            0.3,
            spent={
                "from a step's start to its end, by its record": statistics.median(inside),
                "from there to the next one's start": statistics.median(between),
            },
        )
    ]
