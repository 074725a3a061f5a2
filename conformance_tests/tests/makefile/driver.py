"""See a run through: `python -m makefile.driver DIRECTORY RUN`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from uuid import UUID


def main() -> None:
    """Have `make` follow the Makefile; then end what has not ended itself."""
    make()
    end()


def end() -> None:
    """End what has not ended itself."""
    # Imports ZenML, which takes seconds: by now the steps have been started.
    from threaded.ends import end_run

    end_run(UUID(sys.argv[2]))


def make() -> int:
    """Have `make` follow the Makefile; return its exit code."""
    directory = Path(sys.argv[1])
    # The process that stops the run ends the steps, too, and then there is nothing left to make.
    signal.signal(signal.SIGTERM, lambda *_: None)
    options = Path(directory, "options").read_text().split()
    made = subprocess.run(
        ["make", "--jobs", "--silent", *options, "--file", str(directory / "Makefile")],
        env={**os.environ, "MAKEFLAGS": ""},
    )
    return made.returncode


if __name__ == "__main__":
    main()
