"""What a session shows while scenarios are run: how many, which, and what takes long."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from zenml_conformance.protocol import EngineClient

LOOK_SECONDS = 1.0
"""How often what is shown is brought up to date."""

LINE_SECONDS = 15.0
"""How often a line is written where there is no terminal."""

SHOWN = 4
"""How many of the scenarios that are being run are named: those that take longest."""


@dataclass(frozen=True)
class State:
    """How far the scenarios are.

    Attributes:
        done: How many have been run.
        planned: How many are to be.
        running: For how many seconds each of the others has been, by name.
    """

    done: int
    planned: int
    running: dict[str, float]

    @property
    def names(self) -> str:
        """Those that take longest, in words."""
        slowest = sorted(self.running.items(), key=lambda item: -item[1])[:SHOWN]
        return ", ".join(f"{name} ({seconds:.0f} s)" for name, seconds in slowest)


def follow(engine: EngineClient, file: TextIO, deadline: float | None = None) -> None:
    """Show how far the scenarios are that were planned, until all have been run.

    Args:
        engine: The engine that runs them.
        file: Where to show it.
        deadline: When to look no longer, on the monotonic clock; None: never.

    Raises:
        EngineError: If the engine does not answer.
    """
    states = _states(engine, deadline)
    console = Console(file=file, highlight=False, markup=False, emoji=False)
    if console.is_terminal:
        _draw(states, console)
    else:
        _write(states, console)


def _states(engine: EngineClient, deadline: float | None) -> Iterator[State]:
    done = -1
    while deadline is None or time.monotonic() < deadline:
        answer = engine.request("await_progress", done=done, timeout=LOOK_SECONDS)
        running = {PurePath(key).name: float(s) for key, s in answer["running"].items()}
        state = State(answer["done"], answer["planned"], running)
        yield state
        if state.done == state.planned:
            return
        done = state.done


def _draw(states: Iterator[State], console: Console) -> None:
    columns = (
        TextColumn("scenarios"),
        BarColumn(24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[names]}", style="dim"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=None, names="")
        for state in states:
            progress.update(task, completed=state.done, total=state.planned, names=state.names)


def _write(states: Iterator[State], console: Console) -> None:
    began = written = time.monotonic()
    for state in states:
        now = time.monotonic()
        if now - written >= LINE_SECONDS and state.running:
            written = now
            console.print(
                f"scenarios: {state.done} of {state.planned} run after {now - began:.0f} s, "
                f"now {state.names}",
                soft_wrap=True,
            )
