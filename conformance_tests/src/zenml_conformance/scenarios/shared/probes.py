"""What the scenarios' steps use to be seen: probes and marks.

Never imported by the engine: what this module sees of the environment while a step's process
imports it is what that process was started with, before ZenML applies the step's environment itself
(`zenml.orchestrators.step_runner`).
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import psutil

from zenml_conformance.context.evidence import Access, Raised, masked
from zenml_conformance.engine.session import SENTINEL as SENTINEL
from zenml_conformance.target.patience import stretched

ENVIRONMENT_AT_START = masked(os.environ)

ACCESS = Access.of(os.environ)

OWN_START_SECONDS = time.time() - psutil.Process().create_time()
"""How long this process took to get here: no time for a fork, but an interpreter imports ZenML."""

MEETING_SECONDS = 8.0
"""How long parallel steps look for each other at least."""

NASTY = {
    "CONFORMANCE_SPACES": "  two  words ",
    "CONFORMANCE_QUOTES": """it's "quoted" `here` \\ there""",
    "CONFORMANCE_DOLLARS": "$HOME ${HOME} $$ $(true) %PATH%",
    "CONFORMANCE_EQUALS": "a=b=c",
    "CONFORMANCE_NEWLINES": "first\nsecond\n\tthird\n",
    "CONFORMANCE_UNICODE": "Grüße, 世界 🚀",
    "CONFORMANCE_EMPTY": "",
    "CONFORMANCE_LONG": "0123456789abcdef" * 128,
}
"""Values that a shell, a template engine or a size limit would spoil."""


SAYING = "the conformance suite's step was here"
"""What a step prints."""


def leave_probe(probes: str, **facts: Any) -> None:
    """Write down what the running step sees of its process.

    Args:
        probes: Directory of the scenario's probes. It comes as a parameter of the step, because
            an orchestrator may lose environment variables.
        **facts: Anything to add.
    """
    from zenml import get_step_context

    context = get_step_context()
    record = {
        "step": context.step_run.name,
        "run": str(context.pipeline_run.id),
        "pid": os.getpid(),
        "pid_namespace": pid_namespace(),
        "main_thread": threading.current_thread() is threading.main_thread(),
        "environment_at_start": ENVIRONMENT_AT_START,
        "environment_at_run": masked(os.environ),
        "access": ACCESS.model_dump(),
        **facts,
    }
    if SENTINEL in os.environ.get("CONFORMANCE_TOKEN", ""):
        record["token_in_commands"] = _commands_with_a_token()
    if context.step_run.name == "source":
        record["metadata_hook"] = _metadata_hook(context.pipeline_run.id)
    path = Path(probes, f"{time.monotonic_ns()}-{uuid.uuid4().hex}")
    path.write_bytes(json.dumps(record, ensure_ascii=False).encode(errors="replace"))
    path.rename(path.with_suffix(".json"))


def _commands_with_a_token() -> list[str]:
    """Look at what any user of this machine sees of this process and of those above it."""
    this, tokens = psutil.Process(), {SENTINEL, os.environ.get("ZENML_STORE_API_TOKEN", SENTINEL)}
    found = []
    for process in (this, *this.parents()):
        with contextlib.suppress(psutil.Error):
            if any(token in word for word in process.cmdline() for token in tokens):
                found.append(process.name())
    return found


def pid_namespace() -> int:
    """Tell containers apart: each has its own processes 1 and 2."""
    return os.stat("/proc/self/ns/pid").st_ino


def _metadata_hook(run_id: uuid.UUID) -> dict[str, str] | str:
    """Ask the orchestrator for run metadata where ZenML asks: in a step's process.

    Args:
        run_id: The pipeline run.

    Returns:
        The keys with the types of their values, or what was raised.
    """
    from zenml.client import Client

    try:
        metadata = Client().active_stack.orchestrator.get_pipeline_run_metadata(run_id)
        return {key: type(value).__name__ for key, value in metadata.items()}
    except Exception as error:
        return str(Raised.of(error))


def mark(probes: str, name: str) -> None:
    """Leave a sign for other processes.

    Args:
        probes: Directory of the scenario's probes.
        name: The sign.
    """
    Path(probes, f"{name}.mark").touch()


def wait_for_mark(probes: str, name: str, seconds: float) -> bool:
    """Wait for another process's sign.

    Args:
        probes: Directory of the scenario's probes.
        name: The sign.
        seconds: How long to wait at most, if jobs start at once.

    Returns:
        Whether it was seen.
    """
    path = Path(probes, f"{name}.mark")
    deadline = time.monotonic() + stretched(probes, seconds)
    while not path.exists():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def wait_for_peer(probes: str, name: str, seconds: float) -> bool:
    """Wait for the sign of a step that is started at the same time as this one.

    That may take it twice as long as it took this one.

    Args:
        probes: Directory of the scenario's probes.
        name: The sign.
        seconds: How long to wait at least.

    Returns:
        Whether it was seen.
    """
    return wait_for_mark(probes, name, max(seconds, 2 * OWN_START_SECONDS))
