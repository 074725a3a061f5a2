"""The same orchestrator, whose driver forks the steps.

That is not what a step's process should be (`PROC`), and for all other rules as good.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from makefile import ask
from makefile.orchestrator import MakefileOrchestrator


class ForkingMakefileOrchestrator(MakefileOrchestrator):
    """Leaves a run to `make`, and to the driver what its steps begin with."""

    driver = "makefile.forking_driver"

    def recipe(self, file: Path) -> str:
        """Return the shell command that has what is written down in a file run."""
        return f"exec {shlex.join([sys.executable, '-IS', ask.__file__, str(file)])}"
