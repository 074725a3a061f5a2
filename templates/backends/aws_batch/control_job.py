"""What the container of a control job runs.

    python -m PACKAGE.control_job MODULE ARGUMENT...

It waits for the jobs that the job has to come after, which Batch does not; calls `main` of the
module; and removes what was registered for the run.
"""

from __future__ import annotations

import importlib
import os
import sys

from zenml.client import Client

from .backend import AWAITED_VARIABLE, AcmeBackend
from .core.jobs import JobState
from .core.monitoring import job_states, wait_until_ended
from .core.names import label
from .core.run_id import read_run_id
from .orchestrator import AcmeOrchestrator


def main() -> None:
    """Be a control job.

    Raises:
        TypeError: If the active stack has another kind of orchestrator.
    """
    orchestrator = Client().active_stack.orchestrator
    if not isinstance(orchestrator, AcmeOrchestrator):
        raise TypeError(f"The orchestrator of the active stack is {type(orchestrator).__name__}.")
    if awaited := os.environ.get(AWAITED_VARIABLE):
        wait_until_ended(orchestrator.backend, awaited.split())
    del sys.argv[0]
    module = importlib.import_module(sys.argv[0])
    try:
        module.main()
    finally:
        tidy_up(orchestrator)


def tidy_up(orchestrator: AcmeOrchestrator) -> None:
    """Remove what was registered for the run, unless a job still needs it to start."""
    backend = orchestrator.backend
    if not isinstance(backend, AcmeBackend):
        return
    run_id = read_run_id()
    # The first one: child pipelines carry the id of the run that has started them.
    runs = Client().list_pipeline_runs(
        orchestrator_run_id=run_id, sort_by="asc:created", size=1, hydrate=True
    )
    steps = [step.job_id for run in runs.items for step in orchestrator.jobs_of(run).steps]
    if JobState.QUEUED not in job_states(backend, steps).values():
        backend.tidy_up(label(run_id))


if __name__ == "__main__":
    main()
