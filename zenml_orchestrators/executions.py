"""Services that run a compiled pipeline: DAGs of jobs on the fake backend."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from zenml_conformance.engine import session
from zenml_conformance.fake_backend import FakeBackend, Job, JobState
from zenml_conformance.protocol import EngineError


@dataclass(frozen=True)
class Task:
    """A node of a compiled pipeline.

    Attributes:
        name: Its name in the pipeline.
        job: What it runs.
        after: The names of the tasks that must have succeeded before.
    """

    name: str
    job: Job
    after: tuple[str, ...] = ()


ATTEMPTS = 4
"""How often clients ask a service that does not answer: once, and three times again.

It is the default of urllib3 and of Modal's SDK; boto3 and Azure's SDKs ask more often.
"""

Interpreter = Callable[[Any, str], list[Task]]
"""Makes tasks of a compiled pipeline and the id of an execution of it."""


def state_of(backend: FakeBackend, job_id: str) -> JobState:
    """Ask where a job is, as often as clients do that get no answer.

    Args:
        backend: Runs the job.
        job_id: Its id.

    Returns:
        Its state.
    """
    for _ in range(ATTEMPTS - 1):
        with suppress(EngineError):
            return backend.status(job_id)
    return backend.status(job_id)


class Executions:
    """What a pipeline service does with compiled pipelines.

    A task starts when those before it have succeeded, and never when one has failed; all others
    go on. Real services differ in that; what hangs on it is not judged here.
    """

    def __init__(self, backend: FakeBackend, interpreter: str) -> None:
        """Point at the backend.

        Args:
            backend: Runs the tasks.
            interpreter: `module:function`, an `Interpreter`. A name, because a schedule's
                firings look it up in a process of their own.
        """
        self.backend = backend
        self.interpreter = interpreter

    def start(self, definition: Any, execution: str | None = None) -> str:
        """Run a compiled pipeline. It is accepted as a whole or not at all.

        Args:
            definition: The compiled pipeline.
            execution: The id of the execution; None: a new one.

        Returns:
            The id.

        Raises:
            EngineError: If the backend refuses a task, or one comes after what is not there.
        """
        execution = execution or str(uuid4())
        module, _, function = self.interpreter.partition(":")
        interpret: Interpreter = getattr(importlib.import_module(module), function)
        ids: dict[str, str] = {}
        waiting = interpret(definition, execution)
        try:
            while waiting:
                task = next((t for t in waiting if all(name in ids for name in t.after)), None)
                if task is None:
                    names = ", ".join(task.name for task in waiting)
                    raise EngineError(f"{names} come after tasks that are not in the pipeline")
                waiting.remove(task)
                needs = tuple(ids[name] for name in task.after)
                job = task.job.model_copy(update={"depends_on": needs})
                ids[task.name] = self.backend.submit(job)
        except EngineError:
            for job_id in ids.values():
                self.backend.cancel(job_id)
            raise
        self.backend.note(f"executions/{execution}", ids)
        return execution

    def tasks(self, execution: str) -> dict[str, str]:
        """List the tasks of an execution.

        Args:
            execution: Its id.

        Returns:
            Their jobs' ids, by name; empty when there is no such execution.
        """
        ids: dict[str, str] = self.backend.notes().get(f"executions/{execution}", {})
        return ids

    def state(self, execution: str) -> JobState:
        """Say where an execution is.

        Args:
            execution: Its id.

        Returns:
            RUNNING until every task has ended; then FAILED if one has not succeeded, which one
            that was lost has not; UNKNOWN when there is no such execution, or all is forgotten.
        """
        ids = self.tasks(execution).values()
        states = {state_of(self.backend, job_id) for job_id in ids}
        if states <= {JobState.UNKNOWN}:
            return JobState.UNKNOWN
        if any(state in (JobState.QUEUED, JobState.RUNNING) for state in states):
            return JobState.RUNNING
        return JobState.SUCCEEDED if states == {JobState.SUCCEEDED} else JobState.FAILED

    def stop(self, execution: str) -> None:
        """End an execution.

        Args:
            execution: Its id.
        """
        for job_id in self.tasks(execution).values():
            self.backend.cancel(job_id)

    def schedule(self, definition: Any, cron: str) -> str:
        """Have a compiled pipeline started again and again.

        Args:
            definition: The compiled pipeline.
            cron: When, as five fields.

        Returns:
            The schedule's id.
        """
        key = f"scheduled/{uuid4()}"
        self.backend.note(key, definition)
        command = (sys.executable, "-m", __name__, self.interpreter, key)
        return self.backend.schedule(Job(name="scheduler", command=command), cron)


def main() -> None:
    """Fire a schedule: `python -m zenml_orchestrators.executions INTERPRETER KEY`."""
    interpreter, key = sys.argv[1:]
    here = session.current
    if here is None or here.backend is None:
        raise SystemExit("A schedule's firing is a job of the fake backend.")
    backend = FakeBackend(here.socket, here.backend)
    Executions(backend, interpreter).start(backend.notes()[key])


if __name__ == "__main__":
    main()
