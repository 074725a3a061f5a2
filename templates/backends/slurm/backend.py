"""The backend: jobs of a Slurm cluster. This file is yours."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from .core.jobs import Job, JobBackend, JobState, UnavailableError
from .core.resources import Resources
from .core.run_id import RUN_ID_VARIABLE
from .sbatch_options import (
    MEBIBYTE,
    check_words,
    container_command,
    job_options,
    resource_options,
)
from .slurm import Slurm, SlurmError

if TYPE_CHECKING:
    from .config import AcmeOrchestratorConfig

STATES = {
    **dict.fromkeys(
        (
            *("CONFIGURING", "PENDING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD"),
            *("RESV_DEL_HOLD", "SPECIAL_EXIT"),
        ),
        JobState.QUEUED,
    ),
    "COMPLETED": JobState.SUCCEEDED,
    "CANCELLED": JobState.CANCELLED,
    **dict.fromkeys(
        (
            *("BOOT_FAIL", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED"),
            "TIMEOUT",
        ),
        JobState.FAILED,
    ),
}
"""Every other state, such as COMPLETING or SUSPENDED, has processes: the job is RUNNING."""

REASON = ("JobState", "Reason", "ExitCode")
"""What `scontrol show job` says about how a job has ended."""


class AcmeBackend(JobBackend):
    """Submits jobs with `sbatch`. The cluster keeps their order, and starts each once at most."""

    config: AcmeOrchestratorConfig
    gpu_classes = True

    def __init__(self, config: AcmeOrchestratorConfig) -> None:
        """Prepare; run nothing."""
        super().__init__(config)
        self.room_seconds = config.full_queue_timeout_seconds
        self._accepted: set[tuple[str, ...]] = set()

    @cached_property
    def slurm(self) -> Slurm:
        """Slurm's commands."""
        # A job that submits others has them at hand, and not the client's keys.
        is_job = RUN_ID_VARIABLE in os.environ
        return Slurm(
            login_node=None if is_job else self.config.login_node,
            ssh_options=self.config.ssh_options,
            directory=self.config.log_directory,
        )

    def check(self, job: Job) -> None:
        """Refuse a job that the cluster could never run.

        Raises:
            ValueError: If it could not; says why, in Slurm's words where it was Slurm's decision.
            SlurmError: If Slurm can't be asked.
        """
        check_words(job)
        options = tuple(resource_options(job))
        if options in self._accepted:
            return  # Most steps of a pipeline ask for the same, and Slurm has better to do.
        try:
            self.slurm.would_accept(options)
        except UnavailableError:
            raise
        except SlurmError as error:
            raise ValueError(f"Slurm does not accept it. {error}") from error
        self._accepted.add(options)

    def submit(self, job: Job) -> str:
        """Put a job into the cluster's queue.

        Returns:
            Slurm's id of the job.

        Raises:
            SlurmError: If Slurm does not take it.
        """
        return self.slurm.sbatch(job_options(job), container_command(job), job.environment)

    def find(self, job: Job) -> str | None:
        """Look for a job that Slurm may have taken although the answer was lost.

        Args:
            job: The job. No other has its name.

        Returns:
            Slurm's id of it; None if the controller does not know it.
        """
        return self.slurm.find(job.name)

    def status(self, job_id: str) -> JobState:
        """Translate the state that Slurm gives a job.

        Returns:
            The state; `UNKNOWN` some minutes after the end of the job, when Slurm has forgotten it.
        """
        state = self.slurm.state(job_id)
        return _translate(state)

    def statuses(self, job_ids: Sequence[str]) -> dict[str, JobState]:
        """Ask for many jobs at once."""
        states = self.slurm.states(job_ids)
        return {job_id: _translate(states.get(job_id)) for job_id in job_ids}

    def cancel(self, job_id: str) -> None:
        """Take a job out of the queue, or end it."""
        self.slurm.scancel(job_id)

    def log_location(self, job_id: str) -> str | None:
        """Name the file with the output of a job, on the cluster."""
        return self.slurm.output_file(job_id)

    def reason(self, job_id: str) -> str | None:
        """Read how a job has ended, or why it does not start.

        Returns:
            For example "OUT_OF_MEMORY (OutOfMemory, exit code 0:125)": the second number is that
            of a signal.
        """
        shown = self.slurm.show(job_id)
        found = [re.search(rf"\b{name}=(\S+)", shown) for name in REASON]
        if not all(found):
            return None
        state, why, code = (match[1] for match in found if match)
        return (
            f"{state} (exit code {code})" if why == "None" else f"{state} ({why}, exit code {code})"
        )

    def recorded_resources(self, job_id: str) -> Resources | None:
        """Read what the controller has given to a job.

        Returns:
            Processors, memory and GPUs; None if it has none yet.
        """
        shown = self.slurm.show(job_id)
        cpus = re.search(r"\bNumCPUs=(\d+)", shown)
        nodes = re.findall(r"\bMem=(\d+) GRES=(\S*)", shown)
        if cpus is None or not nodes:
            return None
        gpus = re.findall(r"\bgpu:(?:[\w.-]+:)?(\d+)\(", " ".join(gres for _, gres in nodes))
        return Resources(
            cpu=int(cpus[1]),
            # None where memory is not divided up.
            memory=sum(int(mebibytes) for mebibytes, _ in nodes) * MEBIBYTE or None,
            gpus=sum(int(number) for number in gpus),
        )


def _translate(state: str | None) -> JobState:
    return JobState.UNKNOWN if state is None else STATES.get(state, JobState.RUNNING)
