"""The backend: jobs of a Ray cluster. This file is yours."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from zenml.logger import get_logger

from .cluster import Cluster, RayError
from .core.entrypoints import SOURCE_ROOT_OPTION
from .core.jobs import Job, JobBackend, JobState
from .core.resources import Resources
from .core.run_id import RUN_ID_VARIABLE
from .core.warm_start import server_environment
from .ray_options import check_resources, interpreter, job_settings, task_options

if TYPE_CHECKING:
    from .config import AcmeOrchestratorConfig

logger = get_logger(__name__)

WAIT_SECONDS = 1.0
"""How long a call to Ray waits for jobs: others have to wait for the connection meanwhile."""

START_SECONDS = 5.0
"""How long to wait for a job to start, which is when it is known where its output goes."""

FOUND_BY = ("PYTHONPATH",)
"""Variables by which the client's Python finds code, and so must a job's."""


class AcmeBackend(JobBackend):
    """Hands jobs to an actor on the cluster, one for each run (`run_actor.py`).

    A job's id is the name of that actor and, after a slash, its own.
    """

    config: AcmeOrchestratorConfig
    gpu_classes = True

    def __init__(self, config: AcmeOrchestratorConfig) -> None:
        """Prepare; connect to nothing."""
        super().__init__(config)
        self._reasons: dict[str, str] = {}

    @cached_property
    def cluster(self) -> Cluster:
        """The cluster."""
        return Cluster(self._address)

    @property
    def _address(self) -> str:
        # A job is on the cluster already, and has the address that is good there.
        address = None if RUN_ID_VARIABLE in os.environ else self.config.address
        return address or os.environ.get("RAY_ADDRESS", "")

    def check(self, job: Job) -> None:
        """Refuse a job that no node could ever run.

        Raises:
            ValueError: If none could; says what is missing.
        """
        options = task_options(job)
        if not self.config.autoscaling:
            check_resources(options, self.cluster.call("nodes"))

    def submit(self, job: Job) -> str:
        """Hand a job to the actor of its run; if it is the first, start the actor.

        Raises:
            RayError: If Ray does not take it.
        """
        run = f"zenml-{job.labels['run_id']}"
        environment = {
            **{name: os.environ[name] for name in FOUND_BY if name in os.environ},
            **job.environment,
        }
        request = {
            "command": list(job.command),
            "environment": environment,
            "server_environment": server_environment(environment),
            "python": interpreter(job),
            "client_python": sys.executable,
            "source_root": _source_root(job),
            "grace_seconds": self.config.stop_grace_seconds + job.extra_grace_seconds,
        }
        cluster = self.cluster
        runtime_env = job_settings(job).runtime_env
        if RUN_ID_VARIABLE not in os.environ and runtime_env:
            cluster = Cluster(self._address, runtime_env)
        try:
            cluster.call(
                "submit", run=run, name=job.name, request=request, options=task_options(job)
            )
        finally:
            if cluster is not self.cluster:
                cluster.close()
        return f"{run}/{job.name}"

    def status(self, job_id: str) -> JobState:
        """Ask the actor of the run.

        Returns:
            The state; `UNKNOWN` if the actor has ended, which it does some minutes after its jobs.
        """
        run, name = job_id.split("/")
        states = self._ask(run, "states", [name]) or {}
        state, reason = states.get(name, (JobState.UNKNOWN, ""))
        if reason:
            self._reasons[job_id] = reason
        return JobState(state)

    def reason(self, job_id: str) -> str | None:
        """Tell why Ray has ended a job, if it has."""
        return self._reasons.get(job_id)

    def cancel(self, job_id: str) -> None:
        """Have a job sent SIGTERM, and SIGKILL after the configured time."""
        run, name = job_id.split("/")
        self._ask(run, "cancel", name)

    def wait(self, job_ids: Sequence[str], timeout: float) -> None:
        """Return as soon as one of the jobs ends.

        Args:
            job_ids: The jobs, all of the same run.
            timeout: Seconds.
        """
        if not job_ids:
            return
        run = job_ids[0].split("/")[0]
        names = [job_id.split("/")[1] for job_id in job_ids]
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            try:
                ended = self._ask(run, "wait", names, min(left, WAIT_SECONDS))
            except RayError as error:
                logger.warning("Ray does not answer now: %s", error)
                time.sleep(min(left, self.poll_seconds))
                return
            if ended is not False:
                return

    def log_location(self, job_id: str) -> str | None:
        """Name the file with the output of a job, with the node before it.

        It is among the logs of that node, which Ray's dashboard shows as well.

        Returns:
            The node's address and the path; None if the job does not start soon.
        """
        run, name = job_id.split("/")
        where = self._ask(run, "where", name, START_SECONDS)
        return None if where is None else ":".join(where)

    def recorded_resources(self, job_id: str) -> Resources | None:
        """Read what Ray has on record of the task that runs a job.

        Returns:
            What it has been given; None if it is not on record yet.
        """
        record = self.cluster.call("task_resources", name=job_id.split("/")[1])
        if record is None:
            return None
        memory = record.get("memory")
        return Resources(
            cpu=record.get("CPU", 0.0),
            memory=None if memory is None else int(memory),
            gpus=int(record.get("GPU", 0)),
        )

    def _ask(self, run: str, method: str, *arguments: Any) -> Any:
        return self.cluster.call("ask", run=run, method=method, arguments=list(arguments))


def _source_root(job: Job) -> str | None:
    """The directory of the code, if that is to be the one that Ray has made of an upload."""
    option = f"--{SOURCE_ROOT_OPTION}"
    is_uploaded = "working_dir" in job_settings(job).runtime_env
    if not is_uploaded or option not in job.command:
        return None
    return job.command[job.command.index(option) + 1]
