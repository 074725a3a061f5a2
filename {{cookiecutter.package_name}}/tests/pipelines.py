"""Pipelines for the tests."""

from __future__ import annotations

from zenml import pipeline, step
from zenml.enums import ExecutionMode


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


@pipeline
def half_cached() -> None:
    """In the second run, only one step is left to do."""
    number = remembered()
    add(number, number, id="last")
