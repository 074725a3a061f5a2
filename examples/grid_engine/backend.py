"""The backend: jobs of a Grid Engine cluster, which starts a job when others have ended."""

from __future__ import annotations

import math
import re
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .config import GridOrchestratorConfig
from .core.after_ended import ExitCodes
from .core.jobs import Job, JobBackend, JobState, NoRoomError, UnavailableError

DIRECTORY = Path.home() / "zenml_jobs"
"""For logs and the files of `ExitCodes`. All nodes see it."""

PARALLEL_ENVIRONMENT = "smp"
"""Gives a job several slots of one node."""

TRY_AGAIN = 25
"""The exit code of `qsub` when there are too many jobs."""


class GridBackend(JobBackend):
    """Runs jobs through `qsub`. A job's id is its name, which no other job has."""

    config: GridOrchestratorConfig
    # What `qsub -notify` has the cluster send, some time (`notify` of the queue) before SIGKILL.
    exit_codes = ExitCodes(DIRECTORY, signal.SIGUSR2)

    def submit(self, job: Job) -> str:
        """Hand the job over with its dependencies; `-r n`: it is never started again."""
        options = f"-N {job.name} -notify -r n -j y -b y -shell n".split()
        options += ["-o", self.log_location(job.name), *_resources(job)]
        if job.depends_on:
            options += ["-hold_jid", ",".join(job.depends_on)]
        with self.exit_codes.submission(job) as command:
            _run("qsub", *options, *command)
        return job.name

    def find(self, job: Job) -> str | None:
        """Look for a job whose submission was not answered."""
        return None if self.status(job.name) is JobState.UNKNOWN else job.name

    def status(self, job_id: str) -> JobState:
        """Translate the state of a job."""
        return self.statuses([job_id])[job_id]

    def statuses(self, job_ids: Sequence[str]) -> dict[str, JobState]:
        """Ask once for all jobs. `qstat` forgets a job when it ends; its exit code is kept."""
        pattern = re.compile(r"<JB_name>(.*?)</JB_name>.*?<state>(.*?)</state>", re.DOTALL)
        listed = dict(pattern.findall(_run("qstat", "-xml")))
        return {
            name: _translate(listed[name]) if name in listed else self.exit_codes.state(name)
            for name in job_ids
        }

    def cancel(self, job_id: str) -> None:
        """Delete the job from the queue, or end it."""
        if not self.status(job_id).is_ended:
            _run("qdel", job_id)
            self.exit_codes.discard_script(job_id)

    def check(self, job: Job) -> None:
        """Ask the scheduler whether the job could ever start."""
        if job.image:
            raise ValueError(f"it wants the image {job.image!r}, and there are no containers here.")
        _run("qsub", "-w", "v", *_resources(job), "-b", "y", "true")

    def log_location(self, job_id: str) -> str:
        """Name the file with the job's output."""
        return f"{DIRECTORY}/{job_id}.log"


def _resources(job: Job) -> list[str]:
    slots = max(1, math.ceil(job.cpu or 1))
    options = ["-pe", PARALLEL_ENVIRONMENT, str(slots)] if slots > 1 else []
    if job.memory is not None:
        options += ["-l", f"h_vmem={-(-job.memory // slots)}"]  # Of each slot.
    if job.gpus:
        options += ["-l", f"gpu={job.gpus}"]  # Refused where the site has not defined it.
    return options


def _translate(state: str) -> JobState:
    if "E" in state:
        return JobState.HELD
    return JobState.QUEUED if "qw" in state else JobState.RUNNING


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == 0:
        return done.stdout
    said = f"`{command[0]}`: {done.stderr.strip() or done.stdout.strip()}"
    if done.returncode == TRY_AGAIN:
        raise NoRoomError(said)
    raise (UnavailableError if "error: commlib" in said else ValueError)(said)
