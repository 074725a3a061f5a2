"""Print the ratios.

python -m benchmarks                    all of them
python -m benchmarks parallel overhead  some
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from rich.console import Console

from benchmarks.generation import generation
from benchmarks.kubernetes_cluster import dag as kubernetes_dag
from benchmarks.kubernetes_cluster import load as kubernetes_load
from benchmarks.local import overhead, parallel, start
from benchmarks.ratio import Ratio, show
from benchmarks.ray_cluster import step
from benchmarks.slurm import dag, submission
from benchmarks.startup import startup
from benchmarks.suite import servers, suite
from benchmarks.workbench import BenchmarkFailed, BenchmarkSkipped, Workbench

BENCHMARKS = {
    "generation": generation,
    "suite": suite,
    "servers": servers,
    "startup": startup,
    "start": start,
    "parallel": parallel,
    "overhead": overhead,
    "ray-step": step,
    "kubernetes-dag": kubernetes_dag,
    "kubernetes-load": kubernetes_load,
    "slurm-dag": dag,
    "slurm-submission": submission,
}


def machine() -> str:
    """Describe what the figures come from, the load included: other work makes them worse."""
    cores = len(os.sched_getaffinity(0))
    return (
        f"{cores} cores ({platform.machine()}), load {os.getloadavg()[0]:.1f}; "
        f"Python {platform.python_version()}, ZenML {version('zenml')}, "
        f"cookiecutter {version('cookiecutter')}, copier {version('copier')}"
    )


def main() -> int:
    """Run what the command line names.

    Returns:
        The exit status: 1 if something did not work. A missed aim is no error.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(BENCHMARKS)}")
    names = parser.parse_args().names or list(BENCHMARKS)
    if unknown := [name for name in names if name not in BENCHMARKS]:
        parser.error(f"there is no benchmark {unknown[0]!r}; there are {', '.join(BENCHMARKS)}")
    # Wide enough for the table also where there is no terminal, as in CI.
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(machine(), highlight=False)
    ratios: list[Ratio] = []
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as directory:
        bench = Workbench(Path(directory))
        for name in names:
            console.print(f"measuring {name} ...", highlight=False)
            try:
                ratios += BENCHMARKS[name](bench)
            except BenchmarkSkipped as reason:
                console.print(f"{name}: left out. {reason}", highlight=False, markup=False)
            except BenchmarkFailed as failure:
                console.print(f"{name}: {failure}", style="bold", highlight=False, markup=False)
                return 1
    show(console, ratios)
    return 0


if __name__ == "__main__":
    sys.exit(main())
