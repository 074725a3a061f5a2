"""A pipeline that is code, with steps of both kinds."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zenml_conformance.context.evidence import ONLY_JOBS, Levels, unseen
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.decorators import pipeline, step
from zenml_conformance.scenarios.shared.dynamic import (
    ISOLATED,
    DynamicEvidence,
    command,
    enter,
    has_commands,
)
from zenml_conformance.scenarios.shared.probes import (
    NASTY,
    SENTINEL,
    leave_probe,
    wait_for_mark,
)
from zenml_conformance.scenarios.shared.steps import sink, source
from zenml_conformance.target.capability import Capability

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext

ARGUMENTS = [
    "two  words",
    """it's "quoted" `here`""",
    "$HOME $(true) ; exit 1 # * \\",
    "first\nsecond",
    "",
    "--run_id=none",
]
"""What a shell would change: the arguments of a program."""

SAY = "import json, pathlib, sys; pathlib.Path(sys.argv[1]).write_text(json.dumps(sys.argv[2:]))"
"""A program that writes its arguments into a file."""

RESOURCES: dict[str, dict[str, float | str]] = {
    "half_cpu": {"cpu_count": 0.5},
    "two_gpus": {"gpu_count": 2},
    "memory_kb": {"memory": "3KB"},
    "memory_tib": {"memory": "3TiB"},
    "no_gpu": {"gpu_count": 0, "cpu_count": 1},
}
"""One command step for each."""

UNHEARD_SECONDS = 10.0
"""How long an isolated step waits for ZenML's runner, which may be waiting for the step."""


class Dynamic(DynamicEvidence):
    """What is left of the scenario.

    Attributes:
        settings: For each setting, its value on each level.
        commands: Whether there were command steps.
        said: The arguments that the program was given; None: it was not run, or not to its end.
    """

    settings: dict[str, Levels] = unseen(ONLY_JOBS)
    commands: bool = unseen(ONLY_JOBS)
    said: list[str] | None = None


@step
def lingering(probes: str) -> int:
    """End when the runner has heard of it, so that it shows what it heard, and who waits."""
    began = time.monotonic()
    wait_for_mark(probes, "acted-0-isolated", UNHEARD_SECONDS)
    leave_probe(probes, began=began, ended=time.monotonic())
    return 1


@pipeline(dynamic=True, enable_cache=False)
def dynamic(probes: str, isolated: bool, arguments: list[str], settings: dict[str, Any]) -> None:
    """A loop, a branch on an output, steps at the same time, and steps that are isolated."""
    enter(probes)
    waiting = []
    if isolated:
        own = lingering.with_options(
            **ISOLATED,
            environment=NASTY,
            settings={"orchestrator": settings} if settings else {},
        )
        waiting.append(own.submit(probes, id="isolated"))
    if isolated and arguments:
        path = str(Path(probes, "arguments.said"))
        words = ("python", "-c", SAY, path, *arguments)
        waiting.append(command("verbatim", *words).submit())
        for name, asked in RESOURCES.items():
            waiting.append(command(name, "true", settings={"resources": asked}).submit())
    total = source.with_options(environment={"CONFORMANCE_TOKEN": SENTINEL})(probes)
    for _ in range(2):
        total = sink(probes, total)
    if total.load() == 3:
        source.submit(probes, id="taken").wait()
    else:
        source(probes, id="not_taken")
    for future in waiting:
        future.wait()


@scenario(Dynamic)
def run(context: ScenarioContext, seen: Dynamic) -> None:
    """A pipeline with a loop, a branch, and inline and isolated steps runs to its end."""
    from zenml_conformance.context.settings import LEVELS, values

    commands, given = False, dict[str, Levels]()
    if context.backend:
        commands = seen.commands = has_commands()
        given = seen.settings = values(context)
    _, of_pipeline, of_step = (
        {name: levels[level] for name, levels in given.items()} for level in LEVELS
    )
    context.submit(
        "dynamic",
        dynamic,
        parameters={
            "isolated": context.declares(Capability.ISOLATED_STEPS),
            "arguments": ARGUMENTS if commands else [],
            "settings": of_step,
        },
        options={
            "settings": {"orchestrator": of_pipeline},
            # So that what becomes of isolated steps does not change what the others show.
            "execution_mode": "continue_on_failure",
        },
    )
    said = Path(context.probes, "arguments.said")
    seen.said = json.loads(said.read_text()) if said.exists() else None
    seen.note(context)
