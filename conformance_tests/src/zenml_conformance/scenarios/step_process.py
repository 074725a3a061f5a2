"""What a step's process is: it may rely on all that a new interpreter gives it."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from zenml_conformance.context.evidence import Evidence, Written, unseen
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared import process
from zenml_conformance.scenarios.shared.decorators import pipeline, step
from zenml_conformance.scenarios.shared.probes import leave_probe, mark
from zenml_conformance.scenarios.shared.process import ProcessReport, Surroundings

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext

AFTERWARDS_SECONDS = 15.0
"""How long what a step leaves running may take to end, once the run has ended."""

LEFT = ("thread", "exit-hook")
"""What a step leaves for the end of its process, by the sign that says that it came to it."""

NOTHING_RAN = "no step was run"

QUITTERS = ("exits", "is_replaced")
"""The steps whose processes end with 0, and without a report."""


class Note(Written):
    """What a step has found out, by name."""

    found: dict[str, str]


class StepProcess(Evidence):
    """What is left of the scenario.

    Attributes:
        around_client: What the processes around the client have.
        reports: What steps saw of their processes, by invocation id.
        effects: What a step's variables have done.
        usual_effects: What they do in a new interpreter.
        children: How the processes ended that a step started.
        standard_input: What a step found there.
        left: What a step had left to be done, and was done.
        quit: Which of the steps got so far that end without a report.
    """

    around_client: Surroundings = unseen(NOTHING_RAN)
    reports: dict[str, ProcessReport] = unseen(NOTHING_RAN)
    effects: dict[str, str] = unseen("the step with variables did not get to its end")
    usual_effects: dict[str, str] = unseen("the step with variables did not get to its end")
    children: dict[str, str] = unseen("the step that starts processes did not get to its end")
    standard_input: str = unseen("the step that reads standard input did not get so far")
    left: list[str] = unseen("no step got so far as to leave anything to be done")
    quit: list[str] = unseen("no step was run that ends without a report")


@step
def configured(probes: str) -> None:
    """Compare what its variables have done with what they do in a new interpreter."""
    _report(probes, "configured")
    note(probes, "effects", process.effects())
    note(probes, "usual_effects", process.usual_effects())


@step
def busy(probes: str) -> None:
    """Start processes in each of the usual ways, each of which ends with 7; then print a lot."""
    _report(probes, "busy")
    ways = {"subprocess": _run, "os.fork": _fork, "multiprocessing": _multiprocess}
    note(probes, "children", {name: _attempt(start) for name, start in ways.items()})
    note(probes, "streams", {"input": process.standard_input()})
    process.print_much()


@step
def leaver(probes: str) -> None:
    """Leave a thread, an exit hook and a pool of processes behind."""
    _report(probes, "leaver")
    pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork"))
    pool.submit(pow, 6, 2).result(timeout=60)
    atexit.register(mark, probes, "exit-hook")
    threading.Thread(target=_work_on, args=(probes,)).start()
    mark(probes, "left")


def _report(probes: str, name: str) -> None:
    leave_probe(probes, began=time.monotonic(), ended=time.monotonic())
    process.report(probes, name)


def note(probes: str, name: str, found: dict[str, str]) -> None:
    """Write something down."""
    Note(found=found).write(Path(probes, "processes", f"{name}.note"))


def _run() -> int:
    return subprocess.run([sys.executable, "-c", "raise SystemExit(7)"]).returncode


def _fork() -> int:
    pid = os.fork()
    if pid == 0:
        os._exit(7)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _multiprocess() -> int | None:
    child = multiprocessing.get_context("fork").Process(target=os._exit, args=(7,))
    child.start()
    child.join(30)
    return child.exitcode


def _attempt(start: Callable[[], object]) -> str:
    try:
        return str(start())
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def _work_on(probes: str) -> None:
    time.sleep(1.0)  # The step is over by then.
    mark(probes, "thread")


@step
def quitter(probes: str, how: str) -> None:
    """End the process without an error, and without reporting to ZenML."""
    mark(probes, how)
    sys.stdout.flush()
    if how == "exits":
        os._exit(0)
    os.execv(sys.executable, [sys.executable, "-c", ""])  # noqa: S606 - no shell is wanted


@pipeline(enable_cache=False)
def ordinary(probes: str) -> None:
    """Two steps beside each other, and one after them."""
    configured.with_options(environment=process.CONFIGURATION)(probes)
    busy(probes)
    leaver(probes, after=["configured", "busy"])


@pipeline(enable_cache=False)
def quitting(probes: str) -> None:
    """Two steps whose processes end with 0, and without a report."""
    for how in QUITTERS:
        quitter(probes, how, id=how)


@scenario(StepProcess)
def run(context: ScenarioContext, seen: StepProcess) -> None:
    """Steps look at their processes, leave work to them, and end them without a report."""
    client = context.submit("ordinary", ordinary)
    directory = Path(context.probes, "processes")
    reports = [ProcessReport.read(path) for path in sorted(directory.glob("*.json"))]
    if not reports:
        return
    seen.around_client = process.surroundings()
    seen.reports = {report.step: report for report in reports}
    notes = {path.stem: Note.read(path).found for path in directory.glob("*.note")}
    for name in ("effects", "usual_effects", "children"):
        setattr(seen, name, notes.get(name))
    if streams := notes.get("streams"):
        seen.standard_input = streams["input"]
    if context.marked("left"):
        context.wait_until(lambda: all(map(context.marked, LEFT)), AFTERWARDS_SECONDS)
        seen.left = [what for what in LEFT if context.marked(what)]
    if all(report.pid != client.pid for report in reports):
        context.submit("quitting", quitting)
        context.refresh()
        seen.quit = [how for how in QUITTERS if context.marked(how)]
