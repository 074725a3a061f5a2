"""Wrong ways to run a step: `python -m faulty.launchers WAY MODULE ARGUMENT…`."""

from __future__ import annotations

import importlib
import json
import multiprocessing
import os
import random
import runpy
import signal
import sys
from pathlib import Path

LATER = "FAULTY_LATER"
"""The variable with the file of those that are set too late."""


def run() -> None:
    """Run the step in this process."""
    del sys.argv[:2]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def seeded() -> None:
    """Have all steps draw the same numbers."""
    random.seed(7)
    run()


def late() -> None:
    """Set the step's variables when ZenML has been imported, and have a pipe open."""
    importlib.import_module("zenml.constants")
    os.pipe()
    os.environ.update(json.loads(Path(os.environ[LATER]).read_text()))
    run()


def cut_short() -> None:
    """End as soon as the step is over."""
    code = 1
    try:
        run()
        code = 0
    finally:
        os._exit(code)


def daemon() -> None:
    """Run the step in a process that may have no children."""
    process = multiprocessing.get_context("fork").Process(target=run, daemon=True)
    process.start()
    process.join()
    sys.exit(process.exitcode)


def childless() -> None:
    """Lose every exit status."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    run()


if __name__ == "__main__":
    globals()[sys.argv[1]]()
