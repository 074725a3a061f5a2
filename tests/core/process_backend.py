"""A backend that runs each job in a process, forked from one that has imported ZenML."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from zenml_conformance.core import lifeline, warm_client
from zenml_conformance.core.jobs import Job, JobBackend, JobState
from zenml_conformance.core.warm_client import WarmClient
from zenml_conformance.core.warm_start import server_environment

FOLDER = "ACME_FOLDER"
"""The variable with the directory of what any process must find again."""

WARM = "warm"
"""In that, the directory of the server's socket."""


class ProcessBackend(JobBackend):
    """The output of a job lies in the file `<id>.log`, and which process it is in `<id>.alive`."""

    poll_seconds = 0.05

    def submit(self, job: Job) -> str:
        """Start its process."""
        environment = {**os.environ, **job.environment}
        request = {
            "command": list(job.command),
            "environment": environment,
            "directory": os.getcwd(),
            "outlives_connection": True,
            "owns_children": job.is_step,
        }
        server = warm_client.own or WarmClient.find(
            self.file(WARM), sys.executable, server_environment(environment), os.getcwd(), 600.0
        )
        with self.file(f"{job.name}.log").open("wb") as log:
            process = server.start(request, log.fileno())
        alive = lifeline.hold(self.file(f"{job.name}.alive"))
        lifeline.sign(alive, process.pid)
        os.close(alive)
        process.close()
        return job.name

    def status(self, job_id: str) -> JobState:
        """Say whether its process lives; nothing is kept of how it has ended."""
        return JobState.UNKNOWN if self.process(job_id) is None else JobState.RUNNING

    def cancel(self, job_id: str) -> None:
        """Tell it and all that it has started."""
        if pid := self.process(job_id):
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGTERM)

    def process(self, job_id: str) -> int | None:
        """Return its process; None if that has ended."""
        return lifeline.holder(self.file(f"{job_id}.alive"))

    def file(self, name: str) -> Path:
        """Return the path of a file that all processes know."""
        return Path(os.environ[FOLDER], name)
