"""The backend: jobs are processes on this machine. This file is yours."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from select import select
from socket import gethostname
from typing import TYPE_CHECKING

from zenml.config.global_config import GlobalConfiguration
from zenml.constants import ENV_ZENML_DISABLE_DATABASE_MIGRATION, ENV_ZENML_LOCAL_STORES_PATH
from zenml.logger import get_logger

from .core import lifeline, warm_client
from .core.jobs import Job, JobBackend, JobState, OutOfReachError
from .core.supervised import SupervisedProcess
from .core.warm_client import WarmClient
from .core.warm_start import server_environment
from .machine import Machine, Share

if TYPE_CHECKING:
    from .config import AcmeOrchestratorConfig

logger = get_logger(__name__)

POLL_SECONDS = 0.1
"""How often to look at a process that another process has started."""

WARM = "warm"
"""The directory of the sockets of warm servers, among those of the runs."""


@dataclass
class _Running:
    """A process that this one has started, and what it holds of the machine, if it is a step."""

    process: SupervisedProcess
    share: Share | None
    cancelled: bool = False


class AcmeBackend(JobBackend):
    """Runs jobs as processes. Steps wait in the process that submits them until there is room.

    Every job has a session of its own, so that cancelling it reaches whatever it has started, and
    so that it outlives the process that has submitted it.

    A job's id is this machine's name and the path of its files: `<path>.log` holds its output,
    `<path>.alive` tells which process it is.
    """

    config: AcmeOrchestratorConfig

    def __init__(self, config: AcmeOrchestratorConfig) -> None:
        """Prepare; start nothing."""
        super().__init__(config)
        self._queued: dict[str, Job] = {}
        self._running: dict[str, _Running] = {}
        self._ended: dict[str, JobState] = {}
        # A dynamic pipeline submits steps, and asks for them, from several threads.
        self._lock = threading.RLock()

    @cached_property
    def machine(self) -> Machine:
        """What there is to give to steps."""
        return Machine(self.config)

    def check(self, job: Job) -> None:
        """Refuse a job that asks for more than the machine has.

        Raises:
            ValueError: If it does.
        """
        self.machine.check(job)

    def submit(self, job: Job) -> str:
        """Let a step wait for its turn; start any other job at once."""
        folder = self._jobs() / job.labels["run_id"]
        job_id = f"{gethostname()}:{folder / job.name}"
        for private in (folder.parent, folder):
            private.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._lock:
            if job.is_step:
                self._queued[job_id] = job
                self._start_what_fits()
            else:
                self._remove_old_files(folder.parent)
                self._start(job_id, job)
        return job_id

    def status(self, job_id: str) -> JobState:
        """Tell how a job is doing; of one that another process has started, whether it lives.

        Returns:
            The state. `UNKNOWN` of jobs of others that have ended: nobody has kept how.

        Raises:
            OutOfReachError: If it is a process of another machine.
        """
        with self._lock:
            self._update()
            if job_id in self._queued:
                return JobState.QUEUED
            if job_id in self._running:
                return JobState.RUNNING
            if job_id in self._ended:
                return self._ended[job_id]
        _check_reach(job_id)
        return JobState.UNKNOWN if self._holder(job_id) is None else JobState.RUNNING

    def cancel(self, job_id: str) -> None:
        """Send SIGTERM to all processes of a job, and SIGKILL after the configured time.

        Raises:
            OutOfReachError: If they are on another machine.
        """
        with self._lock:
            if self._queued.pop(job_id, None):
                self._ended[job_id] = JobState.CANCELLED
                return
            running = self._running.get(job_id)
            if running and not running.process.is_lost:
                running.cancelled = True
                running.process.signal(signal.SIGTERM)  # Its supervisor does the rest.
                return
        _check_reach(job_id)
        if process := lifeline.read(self._file(job_id, "alive")):
            _signal(process["pid"], signal.SIGTERM)
            deadline = time.monotonic() + process["grace_seconds"]
            while self._holder(job_id) and time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)
            if self._holder(job_id):
                _signal(process["pid"], signal.SIGKILL)

    def wait(self, job_ids: Sequence[str], timeout: float) -> None:
        """Return as soon as a job ends that this process has started, or one of those named."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            with self._lock:
                known = {
                    job_id: running.process
                    for job_id, running in self._running.items()
                    if not running.process.is_lost
                }
            if not known.keys() >= set(job_ids):
                left = min(left, POLL_SECONDS)  # Nobody tells when one of the others ends.
            try:
                news = bool(select([*known.values()], [], [], left)[0])
            except (OSError, ValueError):
                news = True  # Another thread has just dealt with it.
            if news:
                with self._lock:
                    self._update()
                return
            if any(self.status(job_id).is_ended for job_id in set(job_ids) - known.keys()):
                return

    def log_location(self, job_id: str) -> str:
        """Tell where the output of a job goes."""
        return str(self._file(job_id, "log"))

    def _start(self, job_id: str, job: Job, share: Share | None = None) -> None:
        environment = _environment(job)
        if share is not None and share.gpus is not None:
            environment["CUDA_VISIBLE_DEVICES"] = ",".join(share.gpus)
        grace_seconds = self.config.stop_grace_seconds + job.extra_grace_seconds
        request = {
            "command": list(job.command),
            "environment": environment,
            "directory": os.getcwd(),
            "grace_seconds": grace_seconds,
            "outlives_connection": True,
            "owns_children": job.is_step,
        }
        log = os.open(self._file(job_id, "log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            process = self._warm_client(environment).start(request, log)
        finally:
            os.close(log)
        self._running[job_id] = _Running(process, share)
        alive = lifeline.hold(self._file(job_id, "alive"))
        lifeline.sign(alive, process.pid, grace_seconds=grace_seconds)
        os.close(alive)

    def _warm_client(self, environment: Mapping[str, str]) -> WarmClient:
        # The jobs of a run have one server: that which the first of them was forked from.
        return warm_client.own or WarmClient.find(
            self._jobs() / WARM,
            sys.executable,
            server_environment(environment),
            os.getcwd(),
            self.config.warm_seconds,
        )

    def _start_what_fits(self) -> None:
        for job_id, job in list(self._queued.items()):
            share = self.machine.take(job)
            if share is None:
                continue
            del self._queued[job_id]
            try:
                self._start(job_id, job, share)
            except Exception:
                logger.exception("The process of job %s could not be started.", job_id)
                self._ended[job_id] = JobState.FAILED
                self.machine.give_back(share)

    def _update(self) -> None:
        """Take note of ended jobs, and start others."""
        for job_id, running in list(self._running.items()):
            code = running.process.wait(0.0)
            if code is None and not (running.process.is_lost and self._holder(job_id) is None):
                continue
            del self._running[job_id]
            running.process.close()
            if running.share is not None:
                self.machine.give_back(running.share)
            if running.cancelled:
                self._ended[job_id] = JobState.CANCELLED
            else:
                self._ended[job_id] = JobState.SUCCEEDED if code == 0 else JobState.FAILED
        self._start_what_fits()

    def _remove_old_files(self, jobs: Path) -> None:
        """Remove the files of runs that ended some days ago."""
        oldest = time.time() - self.config.keep_logs_days * 24 * 3600
        for folder in jobs.iterdir():
            with suppress(OSError):
                files = list(folder.iterdir())
                newest = max(path.stat().st_mtime for path in [folder, *files])
                alive = any(lifeline.holder(path) for path in files if path.suffix == ".alive")
                if newest < oldest and not alive:
                    shutil.rmtree(folder)

    def _holder(self, job_id: str) -> int | None:
        return lifeline.holder(self._file(job_id, "alive"))

    @staticmethod
    def _file(job_id: str, kind: str) -> Path:
        return Path(f"{job_id.partition(':')[2]}.{kind}")

    @staticmethod
    def _jobs() -> Path:
        return Path(GlobalConfiguration().local_stores_path) / "acme_flavor_jobs"


def _check_reach(job_id: str) -> None:
    machine, _, path = job_id.partition(":")
    if machine != gethostname():
        raise OutOfReachError(
            f"The run's jobs are processes of the machine {machine}, and this is {gethostname()}. "
            f"Stop or refresh the run there, as the user who owns {Path(path).parent}."
        )


def _environment(job: Job) -> dict[str, str]:
    """Add what belongs to the machine, such as PATH and HOME."""
    return {
        # The client has the same ZenML and has already migrated the database, if it has direct
        # access to one. Checking that again would be a good part of the start of every process.
        ENV_ZENML_DISABLE_DATABASE_MIGRATION: "true",
        # Where all processes of this machine find the files of jobs.
        ENV_ZENML_LOCAL_STORES_PATH: GlobalConfiguration().local_stores_path,
        **os.environ,
        **job.environment,
    }


def _signal(leader: int, number: signal.Signals) -> None:
    """Signal a process and all that it has started."""
    with suppress(ProcessLookupError):
        os.killpg(leader, number)
