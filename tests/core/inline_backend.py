"""A backend that runs each job at once, in the process of the test, and can misbehave."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys

# jinja: if cookiecutter.backend_pattern in ("custom_coordinator", "custom_native_dag")
from dataclasses import replace

# jinja: endif
from unittest import mock

from zenml.entrypoints import entrypoint

from example_pkg.config import AcmeOrchestratorConfig
from example_pkg.jobs import Job, JobBackend, JobState


class InlineBackend(JobBackend):
    """Runs jobs inside `submit`, so that a test sees the outcome without waiting.

    Attributes:
        jobs: The jobs that were submitted, by id.
        states: What has become of them.
        hold: Roles and steps whose jobs stay queued.
        never_start: Roles and steps whose jobs are lost before they do anything.
        die_afterwards: Steps whose jobs fail when their work is done and reported.
        refuse: Roles and steps whose jobs are not accepted.
        # jinja: if cookiecutter.backend_pattern in ("custom_coordinator", "custom_native_dag")
        schedules: The jobs that are started at set times, with the times, by id.
        # jinja: endif
    """

    poll_seconds = 0.0

    def __init__(self) -> None:
        """Start without jobs and without faults."""
        super().__init__(AcmeOrchestratorConfig())
        self.jobs: dict[str, Job] = {}
        self.states: dict[str, JobState] = {}
        self.hold: set[str] = set()
        self.never_start: set[str] = set()
        self.die_afterwards: set[str] = set()
        # jinja: if cookiecutter.backend_pattern in ("custom_coordinator", "custom_native_dag")
        self.schedules: dict[str, tuple[Job, str]] = {}
        # jinja: endif
        self.refuse: set[str] = set()

    def submit(self, job: Job) -> str:
        """Run the job."""
        who = job.labels.get("step", job.labels["role"])
        if who in self.refuse:
            raise RuntimeError("the queue is closed")
        self.jobs[job.name] = job
        before = [self.states[job_id] for job_id in job.depends_on]
        if who in self.hold:
            self.states[job.name] = JobState.QUEUED
        elif job.start_when == "succeeded" and set(before) - {JobState.SUCCEEDED}:
            self.states[job.name] = JobState.CANCELLED
        elif who in self.never_start:
            self.states[job.name] = JobState.FAILED
        else:
            self.states[job.name] = JobState.RUNNING
            succeeded = _run(job) and who not in self.die_afterwards
            self.states[job.name] = JobState.SUCCEEDED if succeeded else JobState.FAILED
        return job.name

    def status(self, job_id: str) -> JobState:
        """Look it up."""
        return self.states.get(job_id, JobState.UNKNOWN)

    def cancel(self, job_id: str) -> None:
        """Note it, as far as there is anything left to cancel."""
        self.states[job_id] = JobState.CANCELLED

    # jinja: if cookiecutter.backend_pattern in ("custom_coordinator", "custom_native_dag")
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

    # jinja: endif
    def steps(self) -> dict[str, Job]:
        """The jobs of the steps."""
        return {job.labels["step"]: job for job in self.jobs.values() if "step" in job.labels}


def _run(job: Job) -> bool:
    if job.command[0] != {
        {'"python"' if cookiecutter.backend_pattern == "docker" else "sys.executable"}
    }:  # A step that is a command of its own.
        return subprocess.run(job.command, env={**job.environment}).returncode == 0
    module, *arguments = job.command[{{"2" if cookiecutter.backend_pattern == "docker" else "3"}} :]
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
