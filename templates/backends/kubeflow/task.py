"""The program of a task in a run of several.

    python -m PACKAGE.task ROLE MODULE ARGUMENT...

calls `main` of a module.

Kubeflow starts nothing more in a run once a task has failed, and ZenML by default goes on with all
that does not need the failed step. So to Kubeflow a step that has failed, and has told ZenML so,
has ended well. What comes after it is started and ends at once, since it looks into ZenML's store
first. The finalizer then ends as the run has.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Callable
from uuid import UUID

from .core.jobs import STEP
from .core.run_id import find_run, read_run_id


def main() -> None:
    """Run what the command line says."""
    role = sys.argv[1]
    del sys.argv[:2]
    program: Callable[[], None] = importlib.import_module(sys.argv[0]).main
    if role == STEP:
        run_step(program)
    else:
        program()
        tell_outcome(sys.argv[sys.argv.index("--snapshot_id") + 1])


def run_step(program: Callable[[], None]) -> None:
    """Run a step; end well even if it fails, unless it is killed or told to end."""
    try:
        program()
    except Exception:
        traceback.print_exc()
        print(
            "The step has not succeeded, as ZenML knows. To Kubeflow it has, so that the steps of "
            "other branches go on.",
            file=sys.stderr,
        )


def tell_outcome(snapshot_id: str) -> None:
    """Fail if the run has."""
    run = find_run(UUID(snapshot_id), read_run_id())
    if run.status.is_failed:
        sys.exit(f"The run {run.name} is {run.status.value}.")


if __name__ == "__main__":
    main()
