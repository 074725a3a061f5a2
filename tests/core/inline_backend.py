"""A backend that runs each job in the process of the test, as soon as it may start."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from unittest import mock

import pytest
from zenml.entrypoints import entrypoint
from zenml.orchestrators import BaseOrchestratorConfig

from zenml_conformance.core.compiled_dag import DagBackend
from zenml_conformance.core.jobs import Job, JobState, UnavailableError
from zenml_conformance.core.schedules import SchedulingBackend


class InlineBackend(DagBackend, SchedulingBackend):
    """Runs jobs inside `submit`, so that a test sees the outcome without waiting.

    The attributes that name jobs do so by step, or by the role of a control job.

    Attributes:
        jobs: The jobs that were submitted, by id.
        states: What has become of them.
        queued: Whose jobs don't get their turn.
        held: Whose jobs are held because of an error.
        never_start: Whose jobs are lost before they do anything.
        die_afterwards: Whose jobs fail when their work is done and reported.
        refuse: Whose jobs are not accepted.
        lose: Whose jobs are accepted, once without an answer.
        reasons: Why jobs have ended, as the system puts it.
        schedules: The jobs that are started at set times, with the times, by id.
        waits: How often jobs were waited for.
    """

    def __init__(self, config: BaseOrchestratorConfig) -> None:
        """Start without jobs and without faults."""
        super().__init__(config)
        self.jobs: dict[str, Job] = {}
        self.states: dict[str, JobState] = {}
        self.queued: set[str] = set()
        self.held: set[str] = set()
        self.never_start: set[str] = set()
        self.die_afterwards: set[str] = set()
        self.refuse: set[str] = set()
        self.lose: set[str] = set()
        self.reasons: dict[str, str] = {}
        self.schedules: dict[str, tuple[Job, str]] = {}
        self.waits = 0

    def submit(self, job: Job) -> str:
        """Take the job, and run it if nothing is in its way."""
        who = _who(job)
        if who in self.refuse:
            raise RuntimeError("the queue is closed")
        assert job.name not in self.jobs, "the same job was submitted twice"
        self.jobs[job.name] = job
        self.states[job.name] = JobState.QUEUED
        self.start_what_may()
        if who in self.lose:
            self.lose.remove(who)
            raise UnavailableError("the answer was lost")
        return job.name

    def submit_dag(self, jobs: Sequence[Job]) -> str:
        """Take all jobs or none, and run what nothing is in the way of."""
        if self.refuse.intersection(map(_who, jobs)):
            raise RuntimeError("the pipeline is not valid")
        *steps, finalizer = jobs
        for job in steps:
            self.jobs[job.name] = job
            self.states[job.name] = JobState.QUEUED
        return self.submit(finalizer)

    def id_in_dag(self, finalizer_id: str, job: Job) -> str:
        """Return its name, which is its id."""
        return job.name

    def status(self, job_id: str) -> JobState:
        """Look it up."""
        return self._state(job_id)

    def cancel(self, job_id: str) -> None:
        """Have it ended."""
        if not self._state(job_id).is_ended:
            self.states[job_id] = JobState.CANCELLED
            self.start_what_may()

    def wait(self, job_ids: Sequence[str], timeout: float) -> None:
        """Return at once: what may happen has happened, unless the test interferes."""
        del timeout
        self.waits += 1
        if self.waits > 1000:
            pytest.fail(f"{', '.join(job_ids)} will never end")  # No job catches this.

    def find(self, job: Job) -> str | None:
        """Look for it by its name, which is its id."""
        return job.name if job.name in self.states else None

    def log_location(self, job_id: str) -> str:
        """Name a file that nothing is written to."""
        return f"/logs/{job_id}"

    def reason(self, job_id: str) -> str | None:
        """Look it up."""
        return self.reasons.get(_who(self.jobs[job_id]))

    def schedule(self, job: Job, cron: str) -> str:
        """Keep it; `fire` is the clock."""
        if "schedule" in self.refuse:
            raise RuntimeError("the clock is broken")
        schedule_id = f"schedule-{len(self.schedules)}-of-{job.name}"
        self.schedules[schedule_id] = job, cron
        return schedule_id

    def unschedule(self, schedule_id: str) -> None:
        """Forget it."""
        self.schedules.pop(schedule_id, None)

    def fire(self, schedule_id: str) -> None:
        """Do what the clock would do."""
        job, _ = self.schedules[schedule_id]
        self.submit(replace(job, name=f"{job.name}-{len(self.jobs)}"))

    def steps(self) -> dict[str, Job]:
        """Return the jobs of steps by name."""
        return {job.labels["step"]: job for job in self.jobs.values() if "step" in job.labels}

    def control_jobs(self) -> list[Job]:
        """Return the control jobs."""
        return [job for job in self.jobs.values() if "step" not in job.labels]

    def _state(self, job_id: str) -> JobState:
        return self.states.get(job_id, JobState.UNKNOWN)

    def start_what_may(self) -> None:
        """Start the jobs that nothing is in the way of."""
        for job_id, job in list(self.jobs.items()):
            before = [self._state(other) for other in job.depends_on]
            if self._state(job_id) == JobState.QUEUED and all(state.is_ended for state in before):
                self._start(job_id, job, before)

    def _start(self, job_id: str, job: Job, before: list[JobState]) -> None:
        who = _who(job)
        if who in self.queued:
            return
        if job.start_when == "succeeded" and set(before) - {JobState.SUCCEEDED}:
            self.states[job_id] = JobState.CANCELLED
        elif who in self.held:
            self.states[job_id] = JobState.HELD
        elif who in self.never_start:
            self.states[job_id] = JobState.FAILED
        else:
            self.states[job_id] = JobState.RUNNING
            succeeded = _run(job) and who not in self.die_afterwards
            self.states[job_id] = JobState.SUCCEEDED if succeeded else JobState.FAILED


def _who(job: Job) -> str:
    return job.labels.get("step", job.labels["role"])


def _run(job: Job) -> bool:
    if job.command[0] != sys.executable:  # A step that is a command of its own.
        return subprocess.run(job.command, env={**job.environment}).returncode == 0
    _, _, _, module, *arguments = job.command
    before = os.getcwd(), signal.getsignal(signal.SIGTERM)
    with (
        mock.patch.dict(os.environ, job.environment),
        mock.patch.object(sys, "argv", [module, *arguments]),
        mock.patch.object(sys, "path", list(sys.path)),
    ):
        try:
            if module == entrypoint.__name__:
                entrypoint.main()
            else:
                importlib.import_module(module).main(arguments)
        except (Exception, SystemExit):
            return False
        finally:
            os.chdir(before[0])
            signal.signal(signal.SIGTERM, before[1])
    return True
