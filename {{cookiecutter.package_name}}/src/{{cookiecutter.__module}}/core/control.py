"""The program of a control job that runs no code of the pipeline.

Called as `python -m PACKAGE.core.control ROLE --snapshot_id ID [--source_root DIRECTORY]`.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from zenml.client import Client

from . import firing, native_dag
from .coordinator import coordinate
from .entrypoints import use_source_root
from .jobs import COORDINATOR, FINALIZER, FIRING
from .orchestrator import JobOrchestrator

PROGRAMS = {COORDINATOR: coordinate, FINALIZER: native_dag.finalize, FIRING: firing.fire}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a control job.

    Args:
        arguments: Command line arguments; by default those of the process.

    Raises:
        TypeError: If the active stack has another kind of orchestrator.
    """
    parser = argparse.ArgumentParser(prog="control", description=__doc__)
    parser.add_argument("role", choices=PROGRAMS, help="what the job does")
    parser.add_argument("--snapshot_id", required=True, help="id of the snapshot that is run")
    parser.add_argument("--source_root", help="directory of the pipeline's code; not in containers")
    options = parser.parse_args(arguments)

    signal.signal(signal.SIGTERM, _exit)
    if options.source_root:
        use_source_root(options.source_root)
    orchestrator = Client().active_stack.orchestrator
    if not isinstance(orchestrator, JobOrchestrator):
        raise TypeError(
            f"The orchestrator of the active stack is {type(orchestrator).__name__}, so this run "
            "was not submitted by the orchestrator that has come to look after it."
        )
    PROGRAMS[options.role](orchestrator, options.snapshot_id)


def _exit(signal_number: int, frame: FrameType | None) -> NoReturn:
    del frame
    sys.exit(128 + signal_number)


if __name__ == "__main__":
    main()
