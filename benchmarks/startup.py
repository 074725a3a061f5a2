"""What the installed suite costs the pytest sessions that have nothing to do with it."""

from __future__ import annotations

import statistics
import sys

from benchmarks.ratio import Ratio
from benchmarks.workbench import Workbench

COMMAND = [sys.executable, "-m", "pytest", "-q", "test_own.py"]
PAIRS = 15
ALLOWED_SECONDS = 0.3


def startup(bench: Workbench) -> list[Ratio]:
    """Measure a pytest session of one empty test, with the suite's plugin and without.

    Args:
        bench: The workbench.

    Returns:
        The ratio of what the plugin adds to what it may.
    """
    (bench.directory / "test_own.py").write_text("def test_own(): pass\n")
    # In turn, so that what else the machine does is in both.
    pairs = [
        (bench.time(COMMAND), bench.time([*COMMAND, "-p", "no:zenml_conformance"]))
        for _ in range(PAIRS)
    ]
    with_it, without = (statistics.median(times) for times in zip(*pairs, strict=True))
    return [
        Ratio(
            "added to a pytest session that judges nothing / allowed",
            max(0.0, with_it - without),
            ALLOWED_SECONDS,
            1,
            spent={"with the suite installed": with_it, "without": without},
            note=f"{with_it:.2f} s with the suite installed, {without:.2f} s without.",
        )
    ]
