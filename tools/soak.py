"""Judge what is known to be good, again and again: a rule that ever turns red has made a mistake.

    python tools/soak.py              ten runs of each: alone, on two workers, beside busy processes
    python tools/soak.py --runs 2     fewer

Every run judges the reference orchestrator, by turns in both topologies. Exits with 1 if any was
not conformant. The suite must be installed, and nothing else should run on the machine.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

LIMIT_SECONDS = 900.0
"""After this, a run is taken for stuck."""

TOPOLOGIES = ("coordinator", "native_dag")


@dataclass(frozen=True)
class Condition:
    """What is different about a run.

    Attributes:
        name: In words.
        options: For pytest.
        busy: How many other processes keep a core busy each.
    """

    name: str
    options: tuple[str, ...] = ()
    busy: int = 0


CONDITIONS = (
    Condition("alone"),
    Condition("on two workers", options=("-n", "2")),
    Condition("beside two busy processes", busy=2),
)


@contextlib.contextmanager
def company(busy: int) -> Iterator[None]:
    """Keep cores busy.

    Args:
        busy: How many.
    """
    with contextlib.ExitStack() as processes:
        for _ in range(busy):
            process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
            processes.callback(process.wait)
            processes.callback(process.kill)
        yield


def judge(condition: Condition, topology: str, directory: Path) -> tuple[float, str]:
    """Judge the reference orchestrator once.

    Args:
        condition: What is different.
        topology: Who keeps the DAG.
        directory: Takes what the run leaves; is made.

    Returns:
        How many seconds it took, and what was wrong; empty: nothing.
    """
    directory.mkdir(parents=True)
    report = directory / "report"
    command = [sys.executable, "-m", "pytest", "-q", "--orchestrator=reference",
               "--orchestrator-config", f"topology={topology}",
               f"--conformance-report={report}", *condition.options]  # fmt: skip
    began = time.monotonic()
    with company(condition.busy), (directory / "output").open("w") as output:
        code = subprocess.run(
            command, cwd=directory, stdout=output, stderr=subprocess.STDOUT, timeout=LIMIT_SECONDS
        ).returncode
    seconds = time.monotonic() - began
    if code == 0:
        return seconds, ""
    lines = (directory / "output").read_text().splitlines()
    wrong = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    with contextlib.suppress(OSError, ValueError, KeyError):
        rules = json.loads((report / "report.json").read_text())["rules"]
        wrong = [
            f"{rule['id']}: {rule['detail']}"
            for rule in rules
            if rule["status"] in ("failed", "error")
        ] or wrong
    return seconds, "\n".join(wrong or lines[-5:])


def main() -> int:
    """Run what the command line says.

    Returns:
        1 if any run was not conformant, else 0.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=10, help="how many of each condition")
    runs = parser.parse_args().runs
    console = Console(width=None if sys.stdout.isatty() else 120)
    table = Table("condition", "runs", "not conformant", "median s", "slowest s")
    failures = 0
    with tempfile.TemporaryDirectory(prefix="soak-") as directory:
        for condition in CONDITIONS:
            times, bad = [], 0
            for number in range(runs):
                topology = TOPOLOGIES[number % len(TOPOLOGIES)]
                place = Path(directory, condition.name.replace(" ", "-"), str(number))
                seconds, wrong = judge(condition, topology, place)
                times.append(seconds)
                bad += bool(wrong)
                said = f"\n{wrong}" if wrong else " conformant"
                console.print(
                    f"{condition.name}, {topology}, run {number + 1}: {seconds:.0f} s{said}",
                    highlight=False,
                    markup=False,
                )
            times.sort()
            middle = f"{times[len(times) // 2]:.0f}"
            table.add_row(condition.name, str(runs), str(bad), middle, f"{times[-1]:.0f}")
            failures += bad
    console.print(table)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
