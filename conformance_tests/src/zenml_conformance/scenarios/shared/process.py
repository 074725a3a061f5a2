"""What a step sees of its process, beyond what ZenML has to do with.

Never imported by the engine: what this module sees while a step's process imports it is what that
process was before any of the step's own code.
"""

from __future__ import annotations

import faulthandler
import importlib
import importlib.util
import os
import random
import resource
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel

from zenml_conformance.context.evidence import Written
from zenml_conformance.scenarios.shared.probes import pid_namespace

CONFIGURATION = {
    "PYTHONHASHSEED": "7",
    "PYTHONWARNINGS": "error::UserWarning:conformance",
    "PYTHONFAULTHANDLER": "1",
    "TZ": "UTC-05:45",
    "ZENML_LOGGING_VERBOSITY": "ERROR",
}
"""Variables that are read when an interpreter starts, or when a library is imported."""

EFFECTS: dict[str, Callable[[], object]] = {
    "PYTHONHASHSEED": lambda: hash("conformance"),
    "PYTHONWARNINGS": lambda: CONFIGURATION["PYTHONWARNINGS"] in sys.warnoptions,
    "PYTHONFAULTHANDLER": faulthandler.is_enabled,
    "TZ": lambda: time.tzname,
    "ZENML_LOGGING_VERBOSITY": lambda: (
        importlib.import_module("zenml.constants").ZENML_LOGGING_VERBOSITY
    ),
}
"""What shows that they have been."""

IN_A_NEW_INTERPRETER = """
import faulthandler, sys, time
print(hash("conformance"))
print(sys.argv[1] in sys.warnoptions)
print(faulthandler.is_enabled())
print(time.tzname)
"""
"""Prints the effects of all but the last, which ZenML reads as it is."""

LIMITS = ("AS", "CORE", "CPU", "DATA", "FSIZE", "MEMLOCK", "NOFILE", "NPROC", "STACK")
"""The resource limits that are looked at."""

STREAM_MEGABYTES = 50
"""How much a step prints."""

DEFAULT = {signal.SIG_DFL, signal.default_int_handler}
IGNORED_BY_PYTHON = {signal.SIGPIPE, signal.SIGXFSZ}
WATCHED_SIGNALS = (
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGCHLD,
    signal.SIGALRM,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGPIPE,
)


class Surroundings(BaseModel):
    """What a process shares with those around it, unless the backend sees to something else.

    Attributes:
        machine: Tells machines and containers apart.
        user: Who it runs as.
        directory: Where it works; what asking for that raised.
        umask: Which permissions new files do not get.
        limits: The resource limits that can be reached; -1: there is none.
    """

    machine: str
    user: int
    directory: str
    umask: int
    limits: dict[str, int]


class ProcessReport(Written):
    """What a step saw of its process.

    Attributes:
        step: Its invocation id.
        pid: The process.
        imported_by: The process that had imported the step's module.
        draws: What the random generators gave first.
        signals: What is unusual about signals, before ZenML or the step changed anything.
        descriptors: Open files of others, likewise.
        surroundings: What it shares with those around it.
    """

    step: str
    pid: int
    imported_by: int
    draws: dict[str, str]
    signals: list[str]
    descriptors: list[str]
    surroundings: Surroundings


def unusual_signals() -> list[str]:
    """Compare signals with what they are in a new interpreter."""
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    unusual = [f"{number.name} is blocked" for number in WATCHED_SIGNALS if number in blocked]
    for number in WATCHED_SIGNALS:
        handler = signal.getsignal(number)
        usual = {signal.SIG_IGN} if number in IGNORED_BY_PYTHON else DEFAULT
        of_zenml = str(getattr(handler, "__module__", "")).startswith("zenml.")
        if handler not in usual and not of_zenml:
            what = "is ignored" if handler == signal.SIG_IGN else f"is handled by {handler}"
            unusual.append(f"{number.name} {what}")
    return unusual


def stray_descriptors() -> list[str]:
    """List pipes, local sockets and held locks, of which a new interpreter has none."""
    strays = []
    for name in sorted(os.listdir("/proc/self/fd"), key=int):
        if int(name) <= 2:
            continue
        try:
            file = os.readlink(f"/proc/self/fd/{name}")
            holds_lock = "FLOCK" in Path(f"/proc/self/fdinfo/{name}").read_text()
        except OSError:
            continue  # The one that the directory was listed with.
        if file.startswith("pipe:") or (file.startswith("socket:") and _is_local(int(name))):
            strays.append(f"{name} ({file.partition(':')[0]})")
        elif holds_lock:
            strays.append(f"{name} (a lock on {file})")
    return strays


def _is_local(descriptor: int) -> bool:
    """Whether a socket is not one of ZenML's connections to its server."""
    with socket.socket(fileno=os.dup(descriptor)) as copy:
        listens = bool(copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
        return copy.family == socket.AF_UNIX or listens


def surroundings() -> Surroundings:
    """Look around."""
    umask = os.umask(0o077)
    os.umask(umask)
    try:
        directory = os.getcwd()
    except OSError as error:
        directory = str(error)
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    soft = {name: resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[0] for name in LIMITS}
    return Surroundings(
        machine=f"{boot} {socket.gethostname()} {pid_namespace()}",
        user=os.getuid(),
        directory=directory,
        umask=umask,
        limits=soft,
    )


def draw() -> dict[str, str]:
    """Ask each random generator for its next number."""
    draws = {"random": str(random.random())}  # noqa: S311 - no secret is made of it
    if importlib.util.find_spec("numpy"):
        draws["numpy.random"] = str(importlib.import_module("numpy.random").random_sample())
    return draws


IMPORTED_BY = os.getpid()
SIGNALS = unusual_signals()
DESCRIPTORS = stray_descriptors()


def report(probes: str, step: str) -> None:
    """Write down what the running step sees of its process.

    Args:
        probes: Directory of the scenario's probes.
        step: The step's invocation id.
    """
    directory = Path(probes, "processes")
    directory.mkdir(exist_ok=True)
    ProcessReport(
        step=step,
        pid=os.getpid(),
        imported_by=IMPORTED_BY,
        draws=draw(),
        signals=SIGNALS,
        descriptors=DESCRIPTORS,
        surroundings=surroundings(),
    ).write(directory / f"{step}.json")


def effects() -> dict[str, str]:
    """Say what the variables of `CONFIGURATION` have done in this process."""
    return {name: str(effect()) for name, effect in EFFECTS.items()}


def usual_effects() -> dict[str, str]:
    """Say what they do in a new interpreter."""
    command = [sys.executable, "-c", IN_A_NEW_INTERPRETER, CONFIGURATION["PYTHONWARNINGS"]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    read_by_zenml = CONFIGURATION["ZENML_LOGGING_VERBOSITY"]
    return dict(zip(EFFECTS, [*done.stdout.splitlines(), read_by_zenml], strict=True))


def standard_input() -> str:
    """Say what reading standard input gives, without waiting for it."""
    try:
        ready, _, _ = select.select([0], [], [], 0)
        if not ready:
            return "nothing, and does not end"
        return "some bytes" if os.read(0, 1) else "its end"
    except OSError as error:
        return str(error)


def print_much() -> None:
    """Print what is no text, and a lot."""
    sys.stdout.flush()
    os.write(1, b"no text: \xff\xfe\x00\n")
    line = "x" * 1023
    for _ in range(STREAM_MEGABYTES * 1024):
        print(line)
    print("the end", file=sys.stderr, flush=True)
