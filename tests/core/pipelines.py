"""Pipelines for the tests."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from zenml import pipeline, step
from zenml.enums import ExecutionMode, StepRuntime

events: list[str] = []


def begin() -> None:
    """Be the init hook."""
    events.append("init")


def finish() -> None:
    """Be the cleanup hook."""
    events.append("cleanup")


# Given to a pipeline when it is run: when this is imported, ZenML does not know where code lies.
HOOKS: dict[str, Any] = {"on_init": begin, "on_cleanup": finish}


@step(enable_cache=False)
def one() -> int:
    """Start."""
    return 1


@step(enable_cache=False)
def add(left: int, right: int) -> int:
    """Go on."""
    return left + right


@step(enable_cache=False)
def fail(number: int) -> int:
    """Fail."""
    raise ValueError(number)


@step(enable_cache=True)
def remembered() -> int:
    """Be found in the cache the next time."""
    return 5


@step(enable_cache=False)
def linger(folder: str, seconds: float = 60.0) -> None:
    """Say that it runs, and tidy up for a while when it ends, by itself or not."""
    deadline = time.monotonic() + seconds
    try:
        Path(folder, "running").touch()
        while time.monotonic() < deadline and not Path(folder, "enough").exists():
            time.sleep(0.05)
    finally:
        time.sleep(0.5)
        Path(folder, "ended").touch()


isolated_add = add.with_options(runtime=StepRuntime.ISOLATED)
isolated_linger = linger.with_options(runtime=StepRuntime.ISOLATED)


@pipeline
def pair() -> None:
    """One step after the other: 1, 1 + 1."""
    first = one()
    add(first, first, id="last")


@pipeline
def diamond() -> None:
    """Two branches that meet: 1, 1 + 1 on both sides, 2 + 2."""
    first = one()
    left = add(first, first, id="left")
    right = add(first, first, id="right")
    add(left, right, id="last")


@pipeline(execution_mode=ExecutionMode.CONTINUE_ON_FAILURE)
def broken_branch() -> None:
    """One branch fails; the other has nothing to do with it."""
    first = one()
    failed = fail(first)
    add(failed, failed, id="after_failure")
    add(first, first, id="other")


@pipeline(execution_mode=ExecutionMode.CONTINUE_ON_FAILURE)
def ordered() -> None:
    """A step that needs another to have succeeded, and nothing that it has made."""
    fail(one(), id="failed")
    one(after="failed", id="after_failure")


@pipeline
def half_cached() -> None:
    """In the second run, only one step is left to do."""
    number = remembered()
    add(number, number, id="last")


@pipeline(enable_cache=False)
def lingering(folder: str) -> None:
    """A step that takes its time, and one after it."""
    linger(folder)
    add(1, 1, after="linger")


@pipeline(dynamic=True, enable_cache=False)
def isolated() -> None:
    """A step in the pipeline's own process, one in a job of its own."""
    number = one()
    isolated_add(number, number, id="apart")


@pipeline(dynamic=True, enable_cache=False)
def isolated_lingering(folder: str) -> None:
    """A step that takes its time, in a job of its own."""
    isolated_linger(folder, id="linger")


@pipeline(dynamic=True, enable_cache=False)
def doubled(times: int, limit: int = 9) -> None:
    """Double a number, as often as it turns out; fail on one that is too large."""
    number = one()
    for _ in range(times):
        number = add(number, number)
    if number.load() > limit:
        fail(number)
