"""How long it takes to generate a project."""

from __future__ import annotations

import statistics

from benchmarks.ratio import Ratio
from benchmarks.workbench import ROOT, Workbench

ROUNDS = 5

COOKIE_SECONDS = 0.35
"""What `cookiecutter --no-input` took for scientific-python/cookie (commit a930c46, 22 files): 0.32
to 0.37 s. A fact carried over from another machine, so the ratio against it shows an order."""


def generation(bench: Workbench) -> list[Ratio]:
    """Time both engines' command lines, and what each needs to do nothing at all.

    Args:
        bench: The workbench.

    Returns:
        The ratios.
    """
    ours = ["cookiecutter", "--no-input", str(ROOT)]
    theirs = ["copier", "copy", "--quiet", "--defaults", "--vcs-ref=HEAD", str(ROOT)]
    seconds: dict[str, list[float]] = {}
    # Round after round instead of one command after another: a change of the machine's load then
    # touches all of them alike.
    for number in range(ROUNDS):
        target = str(bench.directory / f"generated-{number}")
        commands = {
            "cookiecutter": [*ours, "--output-dir", target],
            "without hook": [*ours, "--output-dir", f"{target}-no-hook", "--accept-hooks", "no"],
            "bare cookiecutter": ["cookiecutter", "--version"],
            "copier": [*theirs, f"{target}-copier"],
            "bare copier": ["copier", "--version"],
        }
        for name, command in commands.items():
            seconds.setdefault(name, []).append(bench.time(command))
    median = {name: statistics.median(values) for name, values in seconds.items()}
    cookiecutter, without_hook = median["cookiecutter"], median["without hook"]
    bare_cookiecutter = median["bare cookiecutter"]
    spent = {
        "cookiecutter's own start (`cookiecutter --version`)": bare_cookiecutter,
        "reading the questions and rendering": without_hook - bare_cookiecutter,
        "the hook that refuses bad answers, in a Python of its own": cookiecutter - without_hook,
    }
    return [
        Ratio(
            "cookiecutter on this template / `cookiecutter --version`",
            cookiecutter,
            bare_cookiecutter,
        ),
        Ratio(
            "cookiecutter on this template / scientific-python/cookie",
            cookiecutter,
            COOKIE_SECONDS,
            aim=3,
            spent=spent,
            note="0.35 s was measured on another machine; the aim is the same order.",
        ),
        Ratio(
            "copier on this template / `copier --version`", median["copier"], median["bare copier"]
        ),
    ]
