"""The program of a job that imports the code of the user when it has started, as ZenML's does."""

from __future__ import annotations

import importlib
import sys


def main() -> None:
    """Call a function of `programs.py` with what the command line says."""
    getattr(importlib.import_module("programs"), sys.argv[1])(*sys.argv[2:])
