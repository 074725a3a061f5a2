"""The backend: jobs wait in the queue of Task Spooler (`tsp`) on this machine."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import time

from zenml.logger import get_logger

from .core.jobs import Job, JobBackend, JobState

logger = get_logger(__name__)

STATES = {"queued": JobState.QUEUED, "allocating": JobState.QUEUED, "running": JobState.RUNNING}
GRACE_SECONDS = 10.0
CONTROL_JOBS = "-control"


class SpoolBackend(JobBackend):
    """Runs jobs through the `tsp` command; `TS_SOCKET` in the environment chooses the queue.

    Jobs that look after a run have a queue of their own, without a limit: in one queue with the
    steps, as many runs as there are slots would wait for their own first steps for ever.
    """

    poll_seconds = 0.5

    def submit(self, job: Job) -> str:
        """Queue the job. `tsp` runs it with the environment that it is itself called with."""
        queue = "" if job.is_step else CONTROL_JOBS
        command = ["-L", job.name, "-N", str(self._slots(job)), *job.command]
        number = self._tsp(queue, *command, environment={**os.environ, **job.environment})
        return f"{number}{queue}"

    def status(self, job_id: str) -> JobState:
        """Translate the state that `tsp` gives the job."""
        try:
            state = self._ask("-s", job_id)
            if state != "finished":
                return STATES.get(state, JobState.CANCELLED)
            ended_well = "died with exit code 0" in self._ask("-i", job_id)
        except subprocess.CalledProcessError as error:
            if "cannot be stated" in error.stderr:
                return JobState.UNKNOWN  # Removed from the queue, or from before a restart.
            raise
        return JobState.SUCCEEDED if ended_well else JobState.FAILED

    def cancel(self, job_id: str) -> None:
        """Take the job out of the queue, or end its processes; `tsp` itself never kills."""
        if self.status(job_id) is JobState.QUEUED:
            self._ask("-r", job_id)
        elif self.status(job_id) is JobState.RUNNING:
            self._ask("-k", job_id)
            group, deadline = int(self._ask("-p", job_id)), time.monotonic() + GRACE_SECONDS
            while self.status(job_id) is JobState.RUNNING:
                if time.monotonic() > deadline:
                    os.killpg(group, signal.SIGKILL)
                time.sleep(0.1)

    def check(self, job: Job) -> None:
        """Refuse what would wait for ever, and say what Task Spooler can't do."""
        slots = int(self._tsp("", "-S"))
        if self._slots(job) > slots:
            raise ValueError(
                f"it needs {self._slots(job)} slots, and the queue has {slots}. Add some with "
                "`tsp -S NUMBER`."
            )
        if job.image:
            raise ValueError(f"it wants the image {job.image!r}, and `tsp` knows no containers.")
        for asked, what in ((job.memory, "memory"), (job.gpus, "gpu_count")):
            if asked:
                logger.warning("Job %s: `tsp` can't reserve %s, it is ignored.", job.name, what)

    def log_location(self, job_id: str) -> str | None:
        """Name the file with the job's output; there is none before the job has started."""
        try:
            return self._ask("-o", job_id)
        except subprocess.CalledProcessError:
            return None

    @staticmethod
    def _slots(job: Job) -> int:
        return max(1, math.ceil(job.cpu or 1))

    def _ask(self, option: str, job_id: str) -> str:
        number, dash, queue = job_id.partition("-")
        return self._tsp(dash + queue, option, number)

    @staticmethod
    def _tsp(queue: str, *arguments: str, environment: dict[str, str] | None = None) -> str:
        environment = dict(environment or os.environ)
        socket = environment.get("TS_SOCKET", f"/tmp/socket-ts.{os.getuid()}")  # noqa: S108
        environment["TS_SOCKET"] = socket.removesuffix(CONTROL_JOBS) + queue
        if queue:
            environment["TS_SLOTS"] = "1000"
        command = ["tsp", *arguments]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True
        ).stdout.strip()
