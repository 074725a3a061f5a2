"""The backend: jobs run on the job server, which has an HTTP API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import requests
from zenml.logger import get_logger

from .config import TOKEN_VARIABLE, HttpJobsOrchestratorConfig
from .core.jobs import Job, JobBackend, JobState, UnavailableError

logger = get_logger(__name__)

STATES = {
    "running": JobState.RUNNING,
    "succeeded": JobState.SUCCEEDED,
    "failed": JobState.FAILED,
    "cancelled": JobState.CANCELLED,
    "lost": JobState.UNKNOWN,
}
GRACE_SECONDS = 10.0
TIMEOUT_SECONDS = 30.0


class HttpJobsBackend(JobBackend):
    """Runs jobs through the API of the job server at `config.address`."""

    config: HttpJobsOrchestratorConfig
    poll_seconds = 0.5

    def submit(self, job: Job) -> str:
        """Hand the job to the server; all that is secret travels in the body of the request."""
        environment = dict(job.environment)
        if not job.is_step:
            environment[TOKEN_VARIABLE] = self.config.server_token  # It submits jobs itself.
        body = {
            "name": job.name,
            "command": job.command,
            "environment": environment,
            "grace_seconds": GRACE_SECONDS + job.extra_grace_seconds,
        }
        return str(self._ask("POST", "/jobs", json=body)["id"])

    def status(self, job_id: str) -> JobState:
        """Say how the job is doing."""
        return self.statuses([job_id])[job_id]

    def cancel(self, job_id: str) -> None:
        """Have the job ended: the server sends SIGTERM, and SIGKILL after the job's grace."""
        if not self.status(job_id).is_ended:
            self._ask("DELETE", f"/jobs/{job_id}")

    def statuses(self, job_ids: Sequence[str]) -> dict[str, JobState]:
        """Say how several jobs are doing, with one request."""
        jobs = self._ask("GET", "/jobs", params={"id": job_ids})["jobs"]
        known = {job["id"]: STATES[job["state"]] for job in jobs}
        return {job_id: known.get(job_id, JobState.UNKNOWN) for job_id in job_ids}

    def find(self, job: Job) -> str | None:
        """Look for a job by its name: the server may have it although its answer was lost."""
        jobs = self._ask("GET", "/jobs", params={"name": job.name})["jobs"]
        return str(jobs[0]["id"]) if jobs else None

    def check(self, job: Job) -> None:
        """Refuse containers, and say which resources the server can't reserve."""
        if job.image:
            raise ValueError(f"it wants the image {job.image!r}, and the server runs processes.")
        asked = {"cpu_count": job.cpu, "memory": job.memory, "gpu_count": job.gpus}
        for what in (what for what, amount in asked.items() if amount):
            logger.warning("Job %s: the server can't reserve %s, it is ignored.", job.name, what)

    def log_location(self, job_id: str) -> str:
        """Name the address of the job's output, which is shown to those who have the token."""
        return f"{self.config.address}/jobs/{job_id}/output"

    def reason(self, job_id: str) -> str | None:
        """Name the exit code, which is negative if a signal has killed the job."""
        exit_code = self._ask("GET", f"/jobs/{job_id}")["exit_code"]
        return None if exit_code is None else f"exit code {exit_code}"

    def _ask(self, method: str, path: str, **arguments: Any) -> Any:
        try:
            answer = requests.request(
                method,
                f"{self.config.address}{path}",
                headers={"Authorization": f"Bearer {self.config.server_token}"},
                timeout=TIMEOUT_SECONDS,
                **arguments,
            )
        except (requests.ConnectionError, requests.Timeout) as error:
            raise UnavailableError(f"The job server does not answer: {error}") from error
        if answer.status_code >= 500:
            raise UnavailableError(f"The job server is not well: {answer.text}")
        if not answer.ok:
            raise RuntimeError(f"The job server refuses {method} {path}: {answer.text}")
        return answer.json()
