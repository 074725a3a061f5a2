"""What a step costs on the Ray cluster that `RAY_ADDRESS` leads to."""

from __future__ import annotations

import os
import statistics
from itertools import pairwise

from benchmarks.ratio import Ratio
from benchmarks.workbench import BenchmarkSkipped, Workbench

CHAIN_LENGTH = 11
STACK = "ray"


def _cycle(bench: Workbench, pipeline: str) -> float:
    """Seconds from the start of a step to that of the next one, the median."""
    steps = bench.run(STACK, pipeline, CHAIN_LENGTH).steps
    return statistics.median(later[0] - earlier[0] for earlier, later in pairwise(steps))


def step(bench: Workbench) -> list[Ratio]:
    """Time what one more no-op step adds to a chain on Ray.

    Args:
        bench: The workbench.

    Returns:
        A warm step as a share of one that imports ZenML itself, there and without Ray.

    Raises:
        BenchmarkSkipped: If there is no cluster.
    """
    if "RAY_ADDRESS" not in os.environ:
        raise BenchmarkSkipped("RAY_ADDRESS is not set. `make engines` starts a cluster.")
    alone = bench.cold_step
    bench.generate("zenml-bench-ray-orchestrator", "ray")
    bench.register(
        {
            STACK: {
                "flavor_class": "zenml_bench_ray_orchestrator.flavor.BenchRayOrchestratorFlavor",
                "flavor": "bench_ray",
                "configuration": {},
            }
        }
    )
    warm, cold = _cycle(bench, "chain"), _cycle(bench, "cold_chain")
    return [
        Ratio("one more step on generated `ray`: warm / cold", warm, cold),
        Ratio("one more warm step on `ray` / one cold step without Ray", warm, alone),
        Ratio("one more cold step on `ray` / one cold step without Ray", cold, alone),
    ]
