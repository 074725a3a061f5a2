"""The driver of a run: `python -m threaded.driver RUN`."""

from __future__ import annotations

import os
import signal
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from uuid import UUID

from zenml.client import Client
from zenml.logger import get_logger
from zenml.utils import source_utils

from threaded.ends import end_run, end_step, is_stopped, snapshot_of, stops
from threaded.orchestrator import ThreadedOrchestrator

logger = get_logger(__name__)


class Driver:
    """Gives each step of a run a thread, which waits for those of the steps before it."""

    def __init__(self, run_id: UUID) -> None:
        """Read the run."""
        orchestrator = Client().active_stack.orchestrator
        assert isinstance(orchestrator, ThreadedOrchestrator)
        self.orchestrator = orchestrator
        self.run_id = run_id
        run = Client().get_pipeline_run(run_id)
        self.orchestrator_run_id = str(run.orchestrator_run_id)
        self.snapshot = snapshot_of(run)
        self.cached = {name for name, step in run.steps.items() if step.status.is_successful}
        self.has_failed = False
        self.outcomes: dict[str, Future[bool]] = {}

    def drive(self) -> None:
        """Run every step; return when all are over."""
        names = list(self.snapshot.step_configurations)
        try:
            with ThreadPoolExecutor(len(names)) as threads:
                # ZenML lists steps in an order in which each comes after those that it needs.
                for name in names:
                    self.outcomes[name] = threads.submit(self.step, name)
        finally:
            end_run(self.run_id)

    def step(self, name: str) -> bool:
        """Run a step when its turn has come; say whether it has succeeded."""
        before = self.snapshot.step_configurations[name].spec.upstream_steps
        succeeded = all([self.outcomes[parent].result() for parent in before])
        if name in self.cached:
            return True
        if not succeeded or (self.has_failed and stops(self.snapshot)):
            return False
        if is_stopped(Client().get_pipeline_run(self.run_id)):
            return False
        try:
            ticket = self.orchestrator.put_step(self.snapshot, name, self.orchestrator_run_id)
            self.orchestrator.remember(self.run_id, name, ticket)
            self.orchestrator.wait_for(ticket)
        except Exception:
            logger.exception("Step `%s` could not be run to its end.", name)
        succeeded = end_step(Client().get_pipeline_run(self.run_id), name)
        self.has_failed = self.has_failed or not succeeded
        return succeeded


def main() -> None:
    """Drive the run that the command line names."""
    # The process that stops the run ends the tasks, and then there is nothing left to drive.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # Else ZenML takes this file's directory for the root of all sources, and names modules by it.
    source_utils.set_custom_source_root(os.getcwd())
    Driver(UUID(sys.argv[1])).drive()


if __name__ == "__main__":
    main()
