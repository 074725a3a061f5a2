"""The backend: what your system is told and asked. This file is yours, and the only one to fill in.

Three methods are enough: `submit`, `status` and `cancel`. Everything that ZenML wants of an
orchestrator is done in `core`, on top of them. What a `Job` holds is explained in `core/jobs.py`;
fields of your own (a queue, a time limit) go into `config.py` and arrive as `job.settings`.

`pytest` says when it is done: it runs the conformance suite, first against a backend of its own,
which needs nothing from here, and then against whatever you ask it to.
"""

from __future__ import annotations

from .config import AcmeOrchestratorConfig
from .core.jobs import Job, JobBackend, JobState


class AcmeBackend(JobBackend):
    """Runs jobs on the system of your choice. `self.config` is the component's configuration.

    If no coordinator keeps the order of steps (see `orchestrator.py`), your system does: `submit`
    tells it what `job.depends_on` and `job.start_when` say. `core/after_ended.py` helps where a job
    can only wait until others have ended, in whatever way.

    From `submit`, raise `UnavailableError` if the system can't be reached, and `NoRoomError` if it
    takes no more jobs until others have ended: the core tries again. Any other exception is a
    refusal.

    Optional, see `JobBackend`: `check` refuses jobs that can never run, `statuses` asks for many
    jobs at once, `wait` returns as soon as a job has ended instead of after `poll_seconds`,
    `log_location` leads users to the output, `find` looks for a job whose submission was not
    answered, `recorded_resources` tells the conformance suite what a job has really got. For a
    system that starts jobs at set times, see `core/schedules.py`.
    """

    config: AcmeOrchestratorConfig

    def submit(self, job: Job) -> str:
        """Hand the job to the system and return its id there.

        Args:
            job: The job.

        Returns:
            The id. It must do for `status` and `cancel` in any other process.
        """
        # 1. Name and command: `job.name` is valid nearly everywhere and never repeats;
        #    `job.command` is a list of arguments. If your system wants one text for a shell, use
        #    `shlex.join`, or give it the file that `private_script` of `core/scripts.py` writes.
        #
        # 2. Environment: the process needs every variable of `job.environment`, unchanged. There
        #    is a token among them: no command line, no name, no file that others can read.
        #
        # 3. Resources: None means that the step does not say, so leave your system's default; 0
        #    means none. Where whole units are wanted, round up: `math.ceil(job.cpu)`,
        #    `-(-job.memory // 2**20)` for MiB.
        #
        # 4. One attempt: switch the system's own restarts and requeues off. ZenML retries steps
        #    inside their job, and a second attempt would collide with the first. A job that runs
        #    a dynamic pipeline exits with 45 to say that the run has failed for good.
        #
        # 5. Image: if `job.image` is set, run the command in that container, else as a process
        #    that finds this Python, ZenML and the pipeline's code under the client's paths.
        #
        # 6. Signals: SIGTERM has to reach the command itself, so that a step can say that it was
        #    stopped. A shell in between must `exec` it.
        raise NotImplementedError("`submit` is not written yet: it is to return the job's id.")

    def status(self, job_id: str) -> JobState:
        """Say how the job is doing.

        Args:
            job_id: What `submit` returned, perhaps in another process.

        Returns:
            The state.
        """
        # Translate the words of your system. What is not certainly over is QUEUED or RUNNING
        # (completing, about to be restarted). HELD is for a job that the system keeps back because
        # of an error. UNKNOWN is for one that it has forgotten for good. If the system can't be
        # asked just now, raise: the core asks again.
        raise NotImplementedError("`status` is not written yet: it is to return a JobState.")

    def cancel(self, job_id: str) -> None:
        """Have the job ended, whether it waits or runs.

        Args:
            job_id: What `submit` returned, perhaps in another process.
        """
        # SIGTERM first, and SIGKILL some seconds later: in between, steps tell ZenML that they
        # were stopped. A job that waits must never start. Be quiet about jobs that have ended or
        # are unknown. No need to wait.
        raise NotImplementedError("`cancel` is not written yet: it is to have the job ended.")
