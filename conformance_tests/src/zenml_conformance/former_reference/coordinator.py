"""The coordinator job of the reference orchestrator."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING
from uuid import UUID

from zenml.client import Client
from zenml.enums import ExecutionMode, ExecutionStatus
from zenml.utils import source_utils

from zenml_conformance.fake_backend.jobs import JobState

if TYPE_CHECKING:
    from zenml.models import PipelineSnapshotResponse

    from zenml_conformance.former_reference.orchestrator import ReferenceOrchestrator


class Walk:
    """A walk over one run's DAG."""

    def __init__(
        self, orchestrator: ReferenceOrchestrator, snapshot: PipelineSnapshotResponse, run_id: str
    ) -> None:
        """Start with what the store says.

        Args:
            orchestrator: Its backend runs the jobs.
            snapshot: The whole snapshot, as the store has it.
            run_id: The orchestrator's run id.
        """
        self.orchestrator = orchestrator
        self.snapshot = snapshot
        self.run_id = run_id
        self.settlement = orchestrator.settlement(run_id, snapshot)
        self.mode = snapshot.pipeline_configuration.execution_mode
        self.done: set[str] = set()
        self.failed: set[str] = set()
        self.live: dict[str, str] = {}
        self.attempts: Counter[str] = Counter()

    def run(self) -> None:
        """Walk until nothing is left to start or to wait for."""
        run = self.settlement.run()
        steps = dict(self.orchestrator.steps_in_order(self.snapshot))
        self.done = {name for name in steps if run and self.orchestrator.skips(name, run)}
        waiting = [name for name in steps if name not in self.done]
        while waiting or self.live:
            for name in [n for n in waiting if self._may_start(n)]:
                waiting.remove(name)
                self._start(name)
            if not self.live:
                break
            self._wait()
        self.settlement.finish(self.done, self.failed)

    def _start(self, name: str) -> None:
        step = self.snapshot.step_configurations[name]
        environment = self.orchestrator.environment_of(step, Client().active_stack)
        job = self.orchestrator.step_job(self.snapshot, name, self.run_id, environment)
        run = self.settlement.run()
        with self._uninterrupted():
            self.live[name] = self.orchestrator.backend.submit(job)
            if run:
                self.orchestrator.remember_job(run, name, self.live[name])
        self.attempts[name] += 1

    @contextlib.contextmanager
    def _uninterrupted(self) -> Iterator[None]:
        """Be stopped before or after, but not between a job and the note that it exists."""
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})

    def _may_start(self, name: str) -> bool:
        if self.failed and self.mode is not ExecutionMode.CONTINUE_ON_FAILURE:
            return False
        step = self.snapshot.step_configurations[name]
        return all(parent in self.done for parent in self.orchestrator.parents(step))

    def _wait(self) -> None:
        backend = self.orchestrator.backend
        states = {name: self.orchestrator.state(job_id) for name, job_id in self.live.items()}
        ended = [name for name, state in states.items() if state.is_ended]
        for name in ended:
            del self.live[name]
            self._end(name, states[name])
        if not ended:
            backend.wait_for_change(list(self.live.values()), timeout=30)

    def _end(self, name: str, state: JobState) -> None:
        if self.orchestrator.config.backend_retries and self.is_due_again(name):
            self._start(name)
            return
        if self.settlement.step_is_done(name, state):
            self.done.add(name)
            return
        self.failed.add(name)
        if self.mode is ExecutionMode.FAIL_FAST:
            # ZenML's signal handler publishes STOPPED only for a run that has failed already.
            run = self.settlement.run()
            if run:
                self.orchestrator.fail_run(run)
            for job_id in self.live.values():
                self.orchestrator.backend.cancel(job_id)

    def is_due_again(self, name: str) -> bool:
        """Say whether a step whose job has ended is to be tried again, and by us.

        Args:
            name: Its invocation id.

        Returns:
            Whether another attempt is due.
        """
        run = self.settlement.run()
        if run is None or ((record := run.steps.get(name)) and record.status.is_successful):
            return False
        retry = self.snapshot.step_configurations[name].config.retry
        attempt = self.settlement.fail_attempt(run, name)
        # An attempt that dies before it has a record leaves the one before `retrying`.
        is_left = retry is not None and self.attempts[name] <= retry.max_retries
        return is_left and attempt.status is ExecutionStatus.RETRYING


def main() -> None:
    """Run a coordinator."""
    from zenml_conformance.former_reference.orchestrator import ReferenceOrchestrator

    snapshot_id, run_id = sys.argv[1:]
    # Else ZenML takes this file's directory for the root of all sources, and names modules by it.
    source_utils.set_custom_source_root(os.getcwd())
    client = Client()
    orchestrator = client.active_stack.orchestrator
    assert isinstance(orchestrator, ReferenceOrchestrator)
    orchestrator.coordinate(client.zen_store.get_snapshot(UUID(snapshot_id)), run_id)


if __name__ == "__main__":
    main()
