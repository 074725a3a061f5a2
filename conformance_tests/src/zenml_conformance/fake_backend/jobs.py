"""A job, its states, and what becomes of it, in the words of the fake backend."""

from __future__ import annotations

import itertools
from enum import Enum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class JobState(str, Enum):
    """Where a job is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"

    @property
    def is_ended(self) -> bool:
        """Whether the job will not change any more."""
        return self not in (JobState.QUEUED, JobState.RUNNING)


class Job(BaseModel):
    """What an orchestrator asks the fake backend to run.

    A job whose process fails is started again up to `max_restarts` times, unless its exit code is
    among the `final_exit_codes`: what Kubernetes calls a back-off limit and a failure policy.

    `spec` carries everything else that the orchestrator said about the job, so that rules can
    look for a setting without knowing what the orchestrator calls it.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    command: tuple[str, ...]
    environment: dict[str, str] = Field(default_factory=dict, repr=False)
    image: str | None = None
    cpu: float | None = None
    memory: int | None = None
    gpus: int | None = None
    depends_on: tuple[str, ...] = ()
    start_when: Literal["succeeded", "ended"] = "succeeded"
    labels: dict[str, str] = Field(default_factory=dict)
    max_restarts: int = 0
    final_exit_codes: tuple[int, ...] = ()
    spec: dict[str, Any] = Field(default_factory=dict, repr=False)

    @property
    def step(self) -> str | None:
        """The invocation id in ZenML's `--step_name` argument; None: this job runs no step."""
        words = list(self.command)
        for word, following in itertools.pairwise([*words, ""]):
            if word == "--step_name":
                return following
            if word.startswith("--step_name="):
                return word.partition("=")[2]
        return None


class JobRecord(BaseModel):
    """What became of a job. Times are seconds of the machine's monotonic clock."""

    id: str
    job: Job
    state: JobState = JobState.QUEUED
    submitted_by: str
    submitted_at: float
    started_at: float | None = None
    ended_at: float | None = None
    exit_code: int | None = None
    pid: int | None = None
    log: str | None = None
    schedule: str | None = None
    """The schedule that fired it; None: it was submitted."""
    restarts: int = 0
    """How often the backend ran it again."""
    cancelled: bool = False
    """It was told to end: what its process does about it is no reason to start it again."""
    requeued: bool = False
    """It is to be run again when its process, which was killed, has ended."""
    lost: bool = False
    """The backend has forgotten it: its process was killed, and its state is unknown."""

    @property
    def runs_pipeline(self) -> bool:
        """Whether it runs the code of a pipeline: it was submitted by a client, and runs no step.

        A job that waits for others, to come after them, does not.
        """
        from_client = self.submitted_by == "client" and not self.job.depends_on
        return from_client and self.job.step is None

    def runs(self, step: str) -> bool:
        """Say whether it runs a step; the suite's command steps are told their names.

        Args:
            step: The step's invocation id.

        Returns:
            Whether it does.
        """
        told = any(f"conformance-{step}" in word for word in self.job.command)
        return self.job.step == step or told


class ScheduleRecord(BaseModel):
    """A job that the backend submits again and again by itself."""

    id: str
    job: Job
    cron: str
    deleted: bool = False
