"""How fast the generated `local` orchestrator is."""

from __future__ import annotations

import statistics
from itertools import pairwise

from benchmarks.pipelines import NAP_SECONDS, NAPS
from benchmarks.ratio import Ratio
from benchmarks.workbench import RUNS, RunTimes, Workbench

CHAIN_LENGTH = 11


def _first_run(bench: Workbench, pipeline: str) -> RunTimes:
    bench.end_warm_server()
    return bench.run("generated", pipeline)


def _pairs(bench: Workbench, pipeline: str) -> tuple[list[RunTimes], list[RunTimes]]:
    """Run a pipeline twice, some times: the second run finds what the first one has imported."""
    pairs = [(_first_run(bench, pipeline), bench.run("generated", pipeline)) for _ in range(RUNS)]
    return [first for first, _ in pairs], [second for _, second in pairs]


def _median(runs: list[RunTimes]) -> RunTimes:
    return sorted(runs, key=lambda run: run.seconds)[len(runs) // 2]


def start(bench: Workbench) -> list[Ratio]:
    """Time the start of a run, from the call of `submit_pipeline` to the first step's code.

    Args:
        bench: The workbench.

    Returns:
        The time as a share of a cold step, for a first run and for the next.
    """
    runs = zip(("a first run", "the next run"), _pairs(bench, "single"), (1.2, 0.3), strict=True)
    return [
        Ratio(
            f"the start of {which} on generated `local` / one cold step",
            statistics.median(run.start for run in some),
            bench.cold_step,
            aim,
        )
        for which, some, aim in runs
    ]


def parallel(bench: Workbench) -> list[Ratio]:
    """Time steps that wait, side by side here and one after another in ZenML's own orchestrator.

    Args:
        bench: The workbench.

    Returns:
        How many times faster a run is, from its submission to its end: a first one, and the next.
    """
    # Nothing to take a median of: it is the sum of its naps and half a second.
    zenml = bench.run("default", "fan")
    runs = zip(("a first run", "the next run"), _pairs(bench, "fan"), (3.5, 4.5), strict=True)
    return [
        Ratio(
            f"{NAPS} steps of {NAP_SECONDS:g} s and a join: ZenML's `local` / {which} on generated "
            "`local`",
            zenml.seconds,
            _median(some).seconds,
            aim,
            "higher",
            spent=_spent(_median(some)),
            note=f"A cold step takes {bench.cold_step:.2f} s.",
        )
        for which, some, aim in runs
    ]


def _spent(run: RunTimes) -> dict[str, float]:
    naps, (join_began, _) = run.steps[:-1], run.steps[-1]
    first, last_start = naps[0][0], naps[-1][0]
    last_end = max(ended for _, ended in naps)
    return {
        "submission and the coordinator's start, until the first step starts": first,
        "until the last of the parallel steps starts": last_start - first,
        "until all of them have ended": last_end - last_start,
        "until the join starts": join_began - last_end,
        "until the run has ended": run.seconds - join_began,
    }


def overhead(bench: Workbench) -> list[Ratio]:
    """Time what one more no-op step adds to a chain.

    Args:
        bench: The workbench.

    Returns:
        The time from one step's start to the next one's, as a share of a cold step.
    """
    steps = _median([bench.run("generated", "chain", CHAIN_LENGTH) for _ in range(RUNS)]).steps
    cycles = [later[0] - earlier[0] for earlier, later in pairwise(steps)]
    inside = [ended - began for began, ended in steps]
    between = [later[0] - earlier[1] for earlier, later in pairwise(steps)]
    return [
        Ratio(
            "one more step on generated `local` / one cold step",
            statistics.median(cycles),
            bench.cold_step,
            0.15,
            spent={
                "from a step's start to its end, by its record": statistics.median(inside),
                "from there to the next one's start": statistics.median(between),
            },
        )
    ]
