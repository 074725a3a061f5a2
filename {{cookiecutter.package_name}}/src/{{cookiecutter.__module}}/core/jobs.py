"""The interface between the orchestrator and the system that runs its jobs.

The orchestrator turns a ZenML run into jobs. A `JobBackend` turns jobs into the words of one
system. Neither needs to know the other, so each can be tested alone.

A *step job* runs one step. A *control job* looks after a run. Which one a run has depends on the
pipeline, and on who keeps the order of its steps: see the roles in the description of `Job.labels`.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal

from zenml.logger import get_logger

if TYPE_CHECKING:
    from zenml.orchestrators import BaseOrchestratorConfig

    from .resources import Resources

logger = get_logger(__name__)

STEP = "step"
COORDINATOR = "coordinator"
FINALIZER = "finalizer"
ORCHESTRATION = "orchestration"
FIRING = "firing"

CONTROL_GRACE_SECONDS = 60.0
"""How much longer than a step job a control job may take to end: it waits for its steps first."""


class JobState(str, Enum):
    """What a backend knows about a job.

    Whether a step succeeded is read from ZenML's store, where the step itself reports it. How its
    job has ended counts only if it has not.
    """

    QUEUED = "queued"
    RUNNING = "running"
    HELD = "held"
    """The system holds the job because of an error: it will not start by itself. The core cancels
    it, so that the run can end. A job that a person holds is `QUEUED`."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    """The backend does not know this job, or no longer: it is gone for good."""

    @property
    def is_ended(self) -> bool:
        """Whether the job will never run (again)."""
        return self not in (JobState.QUEUED, JobState.RUNNING, JobState.HELD)


class UnavailableError(RuntimeError):
    """The system can't be reached, or is too busy to answer. It has decided nothing: ask again."""


class NoRoomError(UnavailableError):
    """The system takes no more jobs until some of those that it has have ended."""


class OutOfReachError(RuntimeError):
    """A job can't be asked about or ended from here, now or later. The message says from where."""


@dataclass(frozen=True)
class Job:
    """One command for the backend to run once, without restarts of its own.

    Attributes:
        name: Unique among all jobs of all runs; at most 63 characters out of `a-z`, `0-9` and
            `-`, the first a letter.
        command: The program and its arguments. No shell is involved, and none must be added
            without quoting.
        environment: Variables to set, values verbatim (they may hold quotes and newlines), on top
            of what the system gives to any job. Whether the submitter's own variables are passed
            on as well is up to the backend; nothing relies on it. They include ZenML's API token:
            keep them off command lines and out of names, labels, logs and files that others can
            read.
        image: Container image to run the command in; None to run it without a container.
        cpu: Cores, fractions allowed; None if the step does not say. Control jobs ask for nothing,
            except one that runs the function of a dynamic pipeline.
        memory: Bytes; None if the step does not say.
        gpus: Number of GPUs; 0 asks for none, None if the step does not say.
        gpu_class: The type of the GPUs, in the system's words; None if any will do.
        depends_on: Ids, as `JobBackend.submit` returned them, of jobs that come first. Empty where
            a coordinator keeps the order.
        start_when: What all of `depends_on` must have done before this job may start:
            "succeeded", or merely "ended", whatever their outcome. When "succeeded" can no longer
            come true, the job must end as cancelled or failed without having started.
        settings: What the step has set (for a control job: the pipeline), as an instance of the
            settings class in `config.py`; None if that has none. The place for fields that only
            this backend understands. A control job outlives the steps: a time limit is not for it.
        labels: Who the job belongs to (`pipeline`, `run_id`, `step`) and what it does (`role`), in
            characters that backends accept. Nothing secret, and not needed for the job to work.
            Roles: `step`; `coordinator`, which submits each step when its turn comes; `finalizer`,
            the last job of a run whose order the system keeps; `orchestration`, which runs the
            function of a dynamic pipeline; `firing`, which begins a run of a schedule.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    image: str | None = None
    cpu: float | None = None
    memory: int | None = None
    gpus: int | None = None
    gpu_class: str | None = None
    depends_on: tuple[str, ...] = ()
    start_when: Literal["succeeded", "ended"] = "succeeded"
    settings: Any = field(default=None, repr=False)
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_step(self) -> bool:
        """Whether this is a step job; else it is a control job."""
        return self.labels.get("role") == STEP

    @property
    def extra_grace_seconds(self) -> float:
        """How long to wait, on top of what a step gets, between SIGTERM and SIGKILL."""
        return extra_grace_seconds(self.labels.get("role"))


def extra_grace_seconds(role: str | None) -> float:
    """How much longer than a step job one of this role may take to end after SIGTERM."""
    return 0.0 if role == STEP else CONTROL_GRACE_SECONDS


class JobBackend(ABC):
    """One system that runs jobs. `submit`, `status` and `cancel` are enough.

    Instances are made in several processes, on several machines and at any time. What a later
    process must find again about a job has to follow from the job's id.
    """

    poll_seconds: float = 5.0
    """How long the default `wait` sleeps between two looks at the jobs."""

    room_seconds: float = 86_400.0
    """How long to wait for room for a job (`NoRoomError`) before the run is given up."""

    gpu_classes: bool = False
    """Whether the system knows types of GPUs. If not, a step that names one is warned, and
    `Job.gpu_class` is None."""

    def __init__(self, config: BaseOrchestratorConfig) -> None:
        """Keep the configuration; connect on first use, not here.

        ZenML makes orchestrators, and so backends, where nothing will be submitted.
        """
        self.config = config

    @abstractmethod
    def submit(self, job: Job) -> str:
        """Hand a job to the system, and return without waiting for it.

        Returns:
            The id by which any process can ask for the job's status or cancel it.

        Raises:
            NoRoomError: If the system takes the job only when others have ended. The core waits
                and tries again.
            UnavailableError: If the system can't be reached. The core tries again; a backend whose
                answer may have been lost needs `find`, or the job might run twice.
            Exception: If the system refuses the job. The error reaches the user.
        """

    @abstractmethod
    def status(self, job_id: str) -> JobState:
        """Say how a job is doing.

        Args:
            job_id: What `submit` returned, perhaps in another process.

        Returns:
            The state; `UNKNOWN` only if the job is gone for good.

        Raises:
            OutOfReachError: If it can't be asked from here, as from the machine of a ZenML server
                that lacks the system's commands. The run stays as it is, and the user is told.
            Exception: If the system can't be asked just now. The core asks again later.
        """

    @abstractmethod
    def cancel(self, job_id: str) -> None:
        """Terminate a job: SIGTERM to its process, time to react, then SIGKILL.

        Does nothing to a job that has ended or is unknown.
        """

    def statuses(self, job_ids: Sequence[str]) -> dict[str, JobState]:
        """Say how several jobs are doing. Override it if one request can ask for several.

        Returns:
            The states by id, without those that can't be had just now. A job that is gone for good
            is among them, as `UNKNOWN`: one that is left out is asked for again and again.
        """
        states = {}
        for job_id in job_ids:
            try:
                states[job_id] = self.status(job_id)
            except (NotImplementedError, OutOfReachError):
                raise
            except Exception as error:
                logger.warning("The status of job %s is not available now: %s", job_id, error)
        return states

    def find(self, job: Job) -> str | None:
        """Look for a job that may have been accepted although `submit` failed, by its name.

        Returns:
            Its id; None if the system does not have it.
        """
        del job
        return None

    def check(self, job: Job) -> None:
        """Refuse a job that can never run, before any job of its run is submitted.

        Args:
            job: The job. Of one that a coordinator will submit later, only what the step asks for
                is final; `environment` lacks what ZenML and the step will add.

        Raises:
            ValueError: If the job can never run here; says which limit is exceeded.
        """
        del job

    def wait(self, job_ids: Sequence[str], timeout: float) -> None:
        """Return when one of the jobs may have ended, and after `timeout` seconds at the latest.

        Returning too early is harmless. Override it if the system can tell about ends, to avoid
        polling.
        """
        del job_ids
        time.sleep(min(timeout, self.poll_seconds))

    def log_location(self, job_id: str) -> str | None:
        """Say where a person finds the output of a job: a path or URL; None if there is none."""
        del job_id
        return None

    def reason(self, job_id: str) -> str | None:
        """Say why a job has ended without reporting it, or does not start: in the system's words.

        Returns:
            For example "OUT_OF_MEMORY"; None if there is nothing to say. It reaches the user.
        """
        del job_id
        return None

    def recorded_resources(self, job_id: str) -> Resources | None:
        """Say what the system itself has on record of a running job's resources.

        Nothing here needs it. The conformance suite compares it with what steps ask for, where
        they run on the real system, as soon as a backend has it.

        Returns:
            What the record says, in which None is "no limit"; None if there is no record yet.

        Raises:
            NotImplementedError: If this backend can't tell.
        """
        raise NotImplementedError
