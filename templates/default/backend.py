"""The backend: the adapter to your system. This is the file to write.

Three methods are enough: `submit`, `status` and `cancel`. Everything that ZenML wants of an
orchestrator is done in `core`, on top of them. What a `Job` holds is explained in `core/jobs.py`;
fields of your own (a queue, a time limit) go into `config.py` and arrive as `job.settings`.

`pytest --conformance-tier=live` says when it is done.
"""

from __future__ import annotations

from .config import AcmeOrchestratorConfig
from .core.jobs import Job, JobBackend, JobState


class AcmeBackend(JobBackend):
    """Runs jobs on the system of your choice. `self.config` is the component's configuration.

    With `NativeDagTopology` (see `orchestrator.py`) your system keeps the order of the jobs:
    `submit` passes on `job.depends_on` and `job.start_when`. `core/after_ended.py` helps if a job
    can only wait until others have ended, whatever their outcome. With `CoordinatorTopology`,
    `job.depends_on` is always empty.

    From `submit`, raise `UnavailableError` if the system can't be reached, and `NoRoomError` if it
    takes no more jobs until others have ended (both from `core.jobs`): the core tries again. Any
    other exception is a refusal, and its message reaches the user. From `status`, raise
    `OutOfReachError` (the same module) where your system can never be asked, as on the machine of a
    ZenML server that lacks its commands: runs then stay as they are.

    Optional, see `JobBackend`: `find` looks for a job whose submission was not answered, which can
    happen to anything behind a network; `check` refuses jobs that can never run; `statuses` asks
    for many jobs at once; `wait` replaces polling every `poll_seconds`; `log_location` leads users
    to the output, and `reason` tells them why a job has died; `gpu_classes` says that your system
    knows types of GPUs; `recorded_resources` tells the conformance suite what a job was given. If
    your system starts jobs at set times, see `core/schedules.py`.
    """

    config: AcmeOrchestratorConfig

    def submit(self, job: Job) -> str:
        """Hand the job to the system and return its id there.

        Args:
            job: The job.

        Returns:
            The id. With it alone, any other process must be able to call `status` and `cancel`.
        """
        # 1. Name and command: `job.name` never repeats, and has at most 63 characters out of
        #    `a-z`, `0-9` and `-`. `job.command` is a list of arguments. If your system wants a
        #    shell command, use `shlex.join`; if it wants a file, `private_script` of
        #    `core/scripts.py` writes one, with the environment in it.
        #
        # 2. Environment: the process needs every variable of `job.environment`, unchanged. One of
        #    them holds ZenML's API token: keep them off command lines, and out of names and files
        #    that others can read.
        #
        # 3. Resources: None means that the step does not say, so leave your system's default; 0
        #    means none. If your system wants whole units, round up: `math.ceil(job.cpu)`,
        #    `-(-job.memory // 2**20)` for MiB. Control jobs (`core/jobs.py`) ask for nothing, and
        #    live as long as their run: a time limit for steps is not for them (`job.is_step`).
        #
        # 4. One attempt: switch the system's own restarts and requeues off. ZenML retries steps
        #    inside their job, and a second attempt would collide with the first.
        #
        # 5. Image: if `job.image` is set, run the command in that container. If not, run it as a
        #    process; this Python, ZenML and the pipeline's code must then have the same paths
        #    there as on the machine that submits.
        #
        # 6. Signals: SIGTERM must reach the command itself, so that a step can report that it was
        #    stopped. A shell in between must `exec` it. `job.extra_grace_seconds` says how much
        #    longer than a step the job may take before SIGKILL.
        raise NotImplementedError("`submit` is not written yet: it must return the job's id.")

    def status(self, job_id: str) -> JobState:
        """Say how the job is doing.

        Args:
            job_id: What `submit` returned, perhaps in another process.

        Returns:
            The state.
        """
        # Translate the states of your system. A job that may still run is QUEUED (also if a person
        # holds it) or RUNNING (also if it is suspended, or completing). HELD is for a job that the
        # system holds because of an error. UNKNOWN means that it is gone for good: a job that was
        # just submitted must not be UNKNOWN. If the system can't be asked now, raise any exception:
        # the core asks again.
        raise NotImplementedError("`status` is not written yet: it must return a JobState.")

    def cancel(self, job_id: str) -> None:
        """Have the job ended, whether it waits or runs.

        Args:
            job_id: What `submit` returned, perhaps in another process.
        """
        # SIGTERM first, and SIGKILL some seconds later: in between, steps tell ZenML that they
        # were stopped. A job that waits must never start. Be quiet about jobs that have ended or
        # are unknown. No need to wait.
        raise NotImplementedError("`cancel` is not written yet: it is to have the job ended.")
