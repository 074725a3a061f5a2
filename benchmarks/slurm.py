"""What the generated `slurm` orchestrator adds to the cluster that `SLURM_CONF` leads to."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import venv
from typing import Any

from benchmarks.pipelines import LAYER_SECONDS as NAP_SECONDS
from benchmarks.pipelines import LAYERS, WIDTH
from benchmarks.ratio import Ratio
from benchmarks.workbench import (
    LIMIT_SECONDS,
    ROOT,
    BenchmarkFailed,
    BenchmarkSkipped,
    Workbench,
)

MANY = 1000
BARE = "bare-sbatch"

SNAKEFILE = """
def before(wildcards):
    layer, column = int(wildcards.layer), int(wildcards.column)
    return [f"{layer - 1}_{c}" for c in {column, (column + 1) % WIDTH}] if layer else []

rule all:
    input: [f"{LAYERS - 1}_{column}" for column in range(WIDTH)]

rule nap:
    input: before
    output: "{layer}_{column}"
    resources: mem_mb=500, runtime=10
    shell: "sleep {NAP_SECONDS}; touch {output}"
"""


class Cluster:
    """The cluster, and a stack with the generated orchestrator on it."""

    def __init__(self, bench: Workbench) -> None:
        """Generate the orchestrator and register it.

        Args:
            bench: The workbench.

        Raises:
            BenchmarkSkipped: If there is no cluster, or none that is idle.
        """
        if "SLURM_CONF" not in os.environ:
            raise BenchmarkSkipped("SLURM_CONF is not set. `make engines` starts a cluster.")
        self.bench = bench
        self.directory = bench.directory / "slurm"
        if self.directory.exists():
            return
        if self._queue():
            raise BenchmarkSkipped("There are other jobs in the cluster's queue.")
        self.directory.mkdir()
        bench.generate("zenml-slurm-orchestrator", "slurm")
        bench.register(
            {
                "slurm": {
                    "flavor_class": "zenml_slurm_orchestrator.flavor.SlurmOrchestratorFlavor",
                    "flavor": "slurm",
                    "configuration": {"synchronous": False},
                }
            }
        )

    def submit(self, *arguments: str) -> Any:
        """Submit a pipeline; return what `benchmarks.slurm_client` tells of that."""
        return self.bench.tell("benchmarks.slurm_client", *arguments)

    def wait(self) -> None:
        """Wait until the queue is empty."""
        deadline = time.monotonic() + LIMIT_SECONDS
        while self._queue():
            if time.monotonic() > deadline:
                raise BenchmarkFailed("Jobs stay in the queue.")
            time.sleep(1)

    def clear(self) -> None:
        """Cancel the jobs of `submission`, and wait until the queue is empty."""
        jobs = [line.split() for line in self._queue().splitlines()]
        ours = [job for job, name in jobs if name.startswith((BARE, "zenml-wide-"))]
        if ours:
            subprocess.run(["scancel", *ours], check=True)
        self.wait()

    def _queue(self) -> str:
        words = ["squeue", "--me", "--noheader", "--format=%A %j"]
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def dag(bench: Workbench) -> list[Ratio]:
    """Time a DAG of steps, the same commands in jobs that are chained by hand, and Snakemake.

    Args:
        bench: The workbench.

    Returns:
        The times from the submission to the end of the last step.
    """
    cluster = Cluster(bench)
    arguments = json.dumps({"layers": LAYERS, "width": WIDTH, "seconds": NAP_SECONDS})
    submitted = cluster.submit("lattice", arguments)
    cluster.wait()
    ours = bench.end(submitted["run"]) - submitted["submitted"]

    script = str(cluster.directory / "by-hand.sh")
    run = cluster.submit("lattice", arguments, script)["run"]
    began = time.time()
    bench.time(["sh", script])
    cluster.wait()
    by_hand = bench.end(run) - began
    naps = LAYERS * NAP_SECONDS
    return [
        Ratio(
            f"{LAYERS * WIDTH} steps on generated `slurm` / by hand-written `sbatch`",
            ours,
            by_hand,
            1.05,
            spent={
                "submission": submitted["seconds"],
                "from there to the end of the last step": ours - submitted["seconds"],
            },
            note=f"{LAYERS} layers of {WIDTH} steps of {NAP_SECONDS:g} s, each after two others.",
        ),
        Ratio(
            f"{LAYERS * WIDTH} steps less their naps: generated `slurm` / Snakemake on Slurm",
            ours - naps,
            _snakemake(cluster) - naps,
            note="Snakemake looks at its jobs as often as it can be told to, without accounting.",
        ),
    ]


def submission(bench: Workbench) -> list[Ratio]:
    """Time the submission of many steps, none of which may start yet.

    Args:
        bench: The workbench.

    Returns:
        The time that the orchestrator takes as a multiple of as many bare `sbatch`.
    """
    cluster = Cluster(bench)
    one = f"sbatch --parsable --job-name={BARE} --begin=now+1day --output=/dev/null --wrap=true"
    many = ["sh", "-c", f"for i in $(seq {MANY}); do {one}; done"]
    bare = []
    try:
        # Before and after: other work on the machine comes and goes.
        bare.append(bench.time(many))
        cluster.clear()
        ours = cluster.submit("wide", json.dumps({"width": MANY}))
        cluster.clear()
        bare.append(bench.time(many))
    finally:
        cluster.clear()
    return [
        Ratio(
            f"submission of {MANY} steps / {MANY} bare `sbatch`",
            ours["seconds"],
            sum(bare) / len(bare),
            1.2,
            spent={
                "submitting jobs": ours["in_sbatch"],
                "all else": ours["seconds"] - ours["in_sbatch"],
            },
            note="From when ZenML asks the orchestrator to submit a run until it has.",
        )
    ]


def _snakemake(cluster: Cluster) -> float:
    """Time Snakemake on a DAG of the same shape; return the seconds until its last step ended.

    Its defaults are for clusters with accounting, and it looks at jobs every 40 seconds. Here
    there is no accounting, and it may look as soon as it can.
    """
    tools, place = ROOT / ".cache" / "snakemake", cluster.directory / "snakemake"
    if not (tools / "bin" / "snakemake").exists():
        venv.create(tools, clear=True, with_pip=True)
        words = ["install", "--quiet", "snakemake>=9,<10", "snakemake-executor-plugin-slurm>=2,<3"]
        cluster.bench.time([str(tools / "bin" / "pip"), *words])
    place.mkdir()
    constants = f"LAYERS, WIDTH, NAP_SECONDS = {LAYERS}, {WIDTH}, {NAP_SECONDS}\n"
    (place / "Snakefile").write_text(constants + SNAKEFILE)
    # Its jobs drop all variables of Slurm, also the one that says where the cluster is.
    srun = place / "bin" / "srun"
    srun.parent.mkdir()
    real, configuration = shutil.which("srun"), os.environ["SLURM_CONF"]
    srun.write_text(f'#!/bin/sh\nSLURM_CONF={configuration} exec {real} "$@"\n')
    srun.chmod(0o755)
    path = os.pathsep.join([str(srun.parent), str(tools / "bin"), os.environ["PATH"]])
    words = ["snakemake", "--executor", "slurm", "--jobs", str(LAYERS * WIDTH)]
    words += ["--slurm-no-account", "--slurm-status-command", "squeue"]
    words += ["--slurm-init-seconds-before-status-checks", "1"]
    began = time.time()
    cluster.bench.time(["env", f"PATH={path}", *words], cwd=place)
    return max(output.stat().st_mtime for output in place.glob("[0-9]*_[0-9]*")) - began
