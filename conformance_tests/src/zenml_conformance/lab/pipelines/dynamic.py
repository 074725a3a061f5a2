"""Pipelines that are code: steps are known when they are called, inline or as jobs of their own."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import time
import uuid
from pathlib import Path
from typing import Any

from zenml import pipeline, step
from zenml.client import Client
from zenml.config import ResourceSettings
from zenml.config.retry_config import StepRetryConfig
from zenml.enums import StepRuntime

from zenml_conformance.lab.evidence import Raised, masked
from zenml_conformance.lab.pipelines.probes import (
    NASTY,
    leave_probe,
    mark,
    pid_namespace,
    wait_for_mark,
)
from zenml_conformance.lab.pipelines.static import boom, sink, sleeper, source, victim

try:
    from zenml.steps import CommandStep
except ImportError:  # ZenML had none before.
    CommandStep = None  # type: ignore[assignment,misc]

ISOLATED: dict[str, Any] = {"runtime": StepRuntime.ISOLATED}

SAY = "import json, pathlib, sys; pathlib.Path(sys.argv[1]).write_text(json.dumps(sys.argv[2:]))"
"""A program that writes its arguments into a file."""

RESOURCES = {
    "half_cpu": ResourceSettings(cpu_count=0.5),
    "two_gpus": ResourceSettings(gpu_count=2),
    "memory_kb": ResourceSettings(memory="3KB"),
    "memory_tib": ResourceSettings(memory="3TiB"),
    "no_gpu": ResourceSettings(gpu_count=0, cpu_count=1),
}
"""One command step for each."""

UNHEARD_SECONDS = 10.0
"""How long an isolated step waits for ZenML's runner, which may be waiting for the step."""

OWN_RESOURCES = ResourceSettings(cpu_count=1.5, memory="700MiB")
"""What the pipeline asks for itself."""


def command(name: str, *words: str, **options: Any) -> Any:
    """Make a step that runs a program.

    Args:
        name: The step's name. The program is told, too: its job names no step.
        *words: The program and its arguments.
        **options: Of the step.

    Returns:
        The step.
    """
    return CommandStep(command=[*words, f"conformance-{name}"], name=name).with_options(
        **ISOLATED, **options
    )


def enter(probes: str) -> int:
    """Note that the pipeline's code runs, where, and with which id; watch it submit its steps.

    Args:
        probes: Directory of the scenario's probes.

    Returns:
        How often it had begun before.
    """
    orchestrator = Client().active_stack.orchestrator
    try:
        run_id = orchestrator.get_orchestrator_run_id()
    except Exception as error:
        run_id = str(Raised.of(error))
    before = len(list(Path(probes).glob("entered-*.mark")))
    entry = {
        "id": run_id,
        "pid": os.getpid(),
        "pid_namespace": pid_namespace(),
        "environment": masked(os.environ),
    }
    path = Path(probes, f"entered-{before}")
    path.write_text(json.dumps(entry))
    path.rename(path.with_suffix(".mark"))
    _watch_submissions(type(orchestrator), probes)
    _watch_questions(type(orchestrator), probes, before)
    return before


def _watch_submissions(orchestrator_class: Any, probes: str) -> None:
    """Note every submission of an isolated step, without changing what it does."""
    if not Client().active_stack.orchestrator.can_run_isolated_steps:
        return
    from zenml.orchestrators import BaseOrchestrator

    name = "submit_isolated_step"
    if getattr(orchestrator_class, name) is getattr(BaseOrchestrator, name):
        name = "submit_isolated_step_with_allocation"
    submit = getattr(orchestrator_class, name)

    @functools.wraps(submit)
    def watched(self: Any, step_run_info: Any, environment: Any, *args: Any, **kwargs: Any) -> Any:
        began, raised = time.monotonic(), None
        given = masked(environment)  # The orchestrator may change what it was given.
        try:
            return submit(self, step_run_info, environment, *args, **kwargs)
        except BaseException as error:
            raised = str(Raised.of(error))
            raise
        finally:
            note = {
                "step": step_run_info.pipeline_step_name,
                "environment": given,
                "began": began,
                "returned_at": time.monotonic(),
                "raised": raised,
            }
            path = Path(probes, f"isolated-{uuid.uuid4().hex}")
            path.write_text(json.dumps(note))
            path.rename(path.with_suffix(".note"))

    if getattr(submit, "__wrapped__", None) is None:
        setattr(orchestrator_class, name, watched)


def _watch_questions(orchestrator_class: Any, probes: str, before: int) -> None:
    """Note what this process is told about isolated steps, and when it has acted on an answer.

    It has when it asks again, or cleans up: what it believes of the step is in the store by then.
    """
    ask = orchestrator_class.get_isolated_step_status
    clean_up = orchestrator_class.cleanup_isolated_step
    asked: set[str] = set()

    def note_that_it_acted(step_run: Any) -> None:
        mark(probes, f"acted-{before}-{step_run.name}")

    @functools.wraps(ask)
    def watched_ask(self: Any, step_run: Any) -> Any:
        if step_run.name in asked:
            note_that_it_acted(step_run)
        try:
            status = ask(self, step_run)
            said = getattr(status, "value", status)
            Path(probes, f"{step_run.name}.{said}.told").touch()
            return status
        finally:
            asked.add(step_run.name)

    @functools.wraps(clean_up)
    def watched_clean_up(self: Any, step_run: Any) -> Any:
        note_that_it_acted(step_run)
        return clean_up(self, step_run)

    if getattr(ask, "__wrapped__", None) is None:
        orchestrator_class.get_isolated_step_status = watched_ask
        orchestrator_class.cleanup_isolated_step = watched_clean_up


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
    total = source(probes)
    for _ in range(2):
        total = sink(probes, total)
    if total.load() == 3:
        source.submit(probes, id="taken").wait()
    else:
        source(probes, id="not_taken")
    for future in waiting:
        future.wait()


@step
def flaky_once(probes: str) -> int:
    """Fail, then succeed."""
    leave_probe(probes, began=time.monotonic(), ended=time.monotonic())
    if not Path(probes, "failed-once.mark").exists():
        mark(probes, "failed-once")
        raise RuntimeError("this step fails once on purpose")
    return 1


@pipeline(dynamic=True, enable_cache=False)
def resumed(probes: str, isolated: bool) -> None:
    """Steps that are well, a failure of the pipeline's own code the first time, one more step."""
    before = enter(probes)
    first = source(probes)
    if isolated:
        retry = StepRetryConfig(max_retries=1, delay=0, backoff=1)
        flaky_once.with_options(**ISOLATED, retry=retry).submit(probes).wait()
    if not before:
        raise RuntimeError("this pipeline fails on purpose")
    sink(probes, first)


@pipeline(dynamic=True, enable_cache=False, settings={"resources": OWN_RESOURCES})
def demanding(probes: str) -> None:
    """A pipeline that asks for something itself, and so for its steps."""
    source(probes)


@pipeline(dynamic=True, enable_cache=False)
def killed(probes: str) -> None:
    """An inline step during which everything dies, and one after it."""
    enter(probes)
    sink(probes, sleeper(probes, 30.0))


@pipeline(dynamic=True, enable_cache=False)
def restarted(probes: str, isolated: bool) -> None:
    """A step that is done, one that goes on while the pipeline's code is started again, a last."""
    before = enter(probes)
    first = source(probes)
    if isolated:
        running = sleeper.with_options(**ISOLATED).submit(probes, 30.0)
        mark(probes, f"attached-{before}")
        running.wait()
    else:
        mark(probes, "running")
        mark(probes, f"attached-{before}")
        wait_for_mark(probes, "release", 30.0)
    sink(probes, first)


@step
def quitter(probes: str) -> int:
    """End well, and report nothing."""
    leave_probe(probes, began=time.monotonic())
    mark(probes, "quitter-running")
    wait_for_mark(probes, "quit", 30.0)
    os._exit(0)


@pipeline(dynamic=True, enable_cache=False)
def lost(probes: str, hollow: bool) -> None:
    """Isolated steps that never report: one that ends well, one that is killed, others lost."""
    enter(probes)
    mark(probes, "quit")
    futures = [quitter.with_options(**ISOLATED).submit(probes)]
    futures.append(victim.with_options(**ISOLATED).submit(probes))
    if hollow:
        futures.append(source.with_options(**ISOLATED).submit(probes, id="hollow"))
        futures.append(sleeper.with_options(**ISOLATED).submit(probes, 60.0, id="forgotten"))
    for future in futures:
        with contextlib.suppress(Exception):
            future.wait()


@pipeline(dynamic=True, enable_cache=False)
def phases(probes: str, held: bool, commands: bool) -> None:
    """Isolated steps that wait to be asked about, and for what is done to them."""
    enter(probes)
    wait_for_mark(probes, "go", 30.0)
    futures = [
        sleeper.with_options(**ISOLATED).submit(probes, 60.0, id="reporter"),
        quitter.with_options(**ISOLATED).submit(probes),
    ]
    if held:
        futures.append(source.with_options(**ISOLATED).submit(probes, id="queued"))
        futures.append(source.with_options(**ISOLATED).submit(probes, id="hollow"))
    if commands:
        futures.append(command("good_command", "true").submit())
        futures.append(command("bad_command", "false").submit())
        for name in ("killed_command", "forgotten_command", "stopped_command"):
            futures.append(command(name, "python", "-c", "import time; time.sleep(600)").submit())
    for future in futures:
        future.wait()


@pipeline(dynamic=True, enable_cache=False)
def fail_fast(probes: str) -> None:
    """An isolated step that takes long, beside one that fails."""
    enter(probes)
    sleeping = sleeper.with_options(**ISOLATED).submit(probes, 15.0)
    wait_for_mark(probes, "running", 30.0)
    boom(probes)
    sleeping.wait()
