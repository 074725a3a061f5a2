"""Steps that several scenarios run, and the pipeline that waits to be released."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from zenml_conformance.context.client import CLIENT, RETURNED
from zenml_conformance.scenarios.shared.decorators import pipeline, step
from zenml_conformance.scenarios.shared.probes import (
    SAYING,
    leave_probe,
    mark,
    wait_for_mark,
    wait_for_peer,
)

RETURN_SECONDS = 8.0
"""How long a step waits for the submission of its own run to be over."""


@step
def source(probes: str, first: bool = False) -> int:
    """Give a number, and say so. The first step of a run ends when its submission is over.

    Unless that waits for it. However slow the machine, a step that has ended before has been
    waited for.
    """
    began = time.monotonic()
    print(SAYING)
    if first and not Path(probes, f"{CLIENT}-{os.getpid()}.mark").exists():
        wait_for_mark(probes, RETURNED, RETURN_SECONDS)
    leave_probe(probes, began=began, ended=time.monotonic())
    return 1


@step
def sink(probes: str, value: int) -> int:
    """Take a number."""
    leave_probe(probes, began=time.monotonic(), ended=time.monotonic())
    return value + 1


@step
def boom(probes: str) -> int:
    """Fail, after a parallel step has been given the time to start."""
    wait_for_peer(probes, "running", 3.0)
    leave_probe(probes, began=time.monotonic(), ended=time.monotonic())
    mark(probes, "failing")
    raise RuntimeError("this step fails on purpose")


@step
def sleeper(probes: str, seconds: float) -> int:
    """Run until told to end."""
    began = time.monotonic()
    leave_probe(probes, began=began)
    mark(probes, "running")
    released = wait_for_mark(probes, "release", seconds)
    mark(probes, "slept" if released or time.monotonic() - began >= seconds else "cut-short")
    return 1


@step
def victim(probes: str) -> int:
    """Be killed as the kernel kills what takes too much memory."""
    leave_probe(probes, began=time.monotonic())
    os.kill(os.getpid(), signal.SIGKILL)
    return 1


@pipeline(enable_cache=False)
def released(probes: str) -> None:
    """A step that waits to be released, and one after it."""
    sink(probes, sleeper(probes, 60.0), id="after_sleeper")
