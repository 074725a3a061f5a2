"""The backend: jobs are containers of Docker or Podman. This file is yours."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docker import DockerClient
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.models.containers import RUN_HOST_CONFIG_KWARGS
from docker.types import Mount
from zenml.config.global_config import GlobalConfiguration
from zenml.constants import ENV_ZENML_LOCAL_STORES_PATH
from zenml.logger import get_logger

from .container_options import LABEL, container_options, job_settings
from .core.jobs import Job, JobBackend, JobState, OutOfReachError, extra_grace_seconds
from .core.resources import Resources

if TYPE_CHECKING:
    from .config import AcmeOrchestratorConfig

logger = get_logger(__name__)

LOOK_SECONDS = 1.0
"""How often to look at containers of other processes, and at an engine that does not answer."""

ALIVE = {
    "created": JobState.QUEUED,
    "running": JobState.RUNNING,
    "paused": JobState.RUNNING,
    "restarting": JobState.RUNNING,
    "stopping": JobState.RUNNING,
}
"""A container in any other state has ended."""


class AcmeBackend(JobBackend):
    """Runs each job in a container, which the engine removes when it has ended.

    Steps wait in the process that submits them until there is room. That process also learns how
    they end. All others learn no more than that they have: one that dies before its containers
    leaves nothing behind. What they print goes to files.

    A job's id is the name of the engine's machine, and the path of this file below the directory
    of all jobs, without its suffix; the last part is the container's name.
    """

    config: AcmeOrchestratorConfig

    def __init__(self, config: AcmeOrchestratorConfig) -> None:
        """Prepare; connect to nothing."""
        super().__init__(config)
        self._queued: dict[str, Job] = {}
        self._running: dict[str, int | None] = {}
        """With the memory that each has asked for, in bytes."""
        self._ended: dict[str, JobState] = {}
        self._reasons: dict[str, str] = {}
        self._cancelled: set[str] = set()
        self._is_told = False
        # A dynamic pipeline submits steps, and asks for them, from several threads.
        self._changes = threading.Condition()

    @cached_property
    def client(self) -> DockerClient:
        """The engine's API."""
        return DockerClient(self.config.host, timeout=self.config.timeout_seconds)

    @cached_property
    def _engine(self) -> dict[str, Any]:
        try:
            return {**self.client.info(), "Components": self.client.version()["Components"]}
        except DockerException as error:
            raise OutOfReachError(
                f"No container engine answers at {self.config.host}: {error}. Start Docker or "
                "Podman's service there, or say where it is: in `docker_host` when the "
                "orchestrator is registered, or in the variable DOCKER_HOST."
            ) from error

    def check(self, job: Job) -> None:
        """Refuse a job that the engine could never run; have its image at hand.

        Raises:
            ValueError: If it could not.
        """
        if not job.image:
            raise ValueError(
                "It has no image to run in. Name one in the setting `image`, or have ZenML build "
                "one."
            )
        cpus, memory = self._engine["NCPU"], self._engine["MemTotal"]
        if job.cpu is not None and job.cpu > cpus:
            raise ValueError(f"It asks for {job.cpu:g} CPUs, and the engine has {cpus}.")
        if job.memory is not None and job.memory > memory:
            raise ValueError(f"It asks for {job.memory} bytes, and the engine has {memory}.")
        if job.gpus:
            self._check_gpus(job)
        arguments = job_settings(job).run_args
        try:
            known = {name: arguments[name] for name in arguments if name in RUN_HOST_CONFIG_KWARGS}
            self.client.api.create_host_config(**known)
        except (TypeError, ValueError, DockerException) as error:
            raise ValueError(f"docker-py does not take its `run_args`: {error}") from error
        self._have(job.image)

    def submit(self, job: Job) -> str:
        """Let a step wait for its turn; start any other job at once.

        Raises:
            DockerException: If the engine does not take it.
        """
        job_id = f"{self._engine['Name']}:{job.labels['run_id']}/{job.name}"
        with self._changes:
            if not job.is_step or (self._has_room and not self._queued):
                self._start(job_id, job)
            else:
                self._queued[job_id] = job
        return job_id

    def status(self, job_id: str) -> JobState:
        """Tell how a job is doing.

        Returns:
            The state. `UNKNOWN` of jobs of other processes that have ended.

        Raises:
            OutOfReachError: If it is a container of another engine.
        """
        with self._changes:
            if job_id in self._queued:
                return JobState.QUEUED
            if job_id in self._running:
                return JobState.RUNNING
            if job_id in self._ended:
                return self._ended[job_id]
        self._check_reach(job_id)
        return self._ask(job_id)

    def wait(self, job_ids: Sequence[str], timeout: float) -> None:
        """Return as soon as a job ends that this process has submitted."""
        with self._changes:
            known = self._queued.keys() | self._running.keys()
            own = known & {*job_ids}
            if len(own) < len(job_ids):
                timeout = min(timeout, LOOK_SECONDS)
            if not self._changes.wait_for(lambda: not own.isdisjoint(self._ended), timeout):
                self._look(own & self._running.keys())

    def cancel(self, job_id: str) -> None:
        """Send SIGTERM to a job, and SIGKILL after the configured time, without waiting.

        Raises:
            OutOfReachError: If it is a container of another engine.
        """
        self._check_reach(job_id)
        with self._changes:
            if job_id in self._cancelled:
                return  # To be told twice would interrupt it while it tidies up.
            self._cancelled.add(job_id)
            if self._queued.pop(job_id, None):
                self._end(job_id, JobState.CANCELLED)
                return
        threading.Thread(target=self._stop, args=(job_id,)).start()

    def log_location(self, job_id: str) -> str | None:
        """Tell where the output of a job goes.

        Returns:
            The path; None if the engine is on another machine.
        """
        log = self._log(job_id)
        return None if log is None else str(log)

    def reason(self, job_id: str) -> str | None:
        """Tell how a container of this process has ended."""
        return self._reasons.get(job_id)

    def recorded_resources(self, job_id: str) -> Resources:
        """Read the limits and devices of a container.

        Returns:
            What the engine says of it.
        """
        host = self.client.containers.get(_name(job_id)).attrs["HostConfig"]
        gpus = host.get("DeviceRequests") or ()
        return Resources(
            cpu=host["NanoCpus"] / 1e9 or None,
            memory=host["Memory"] or None,
            gpus=sum(len(devices["DeviceIDs"] or ()) or devices["Count"] for devices in gpus),
        )

    @property
    def _has_room(self) -> bool:
        limit: int = self.config.max_parallel_steps or self._engine["NCPU"]
        return len(self._running) < limit

    def _start(self, job_id: str, job: Job) -> None:
        log = self._log(job_id)
        if log is not None:
            log.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                log.parent.mkdir()
                # Containers may have another user. The directory above is private.
                log.parent.chmod(0o777)
        options = container_options(job, log, self._is_rootless)
        if not job.is_step:
            self._let_submit(options)
        self._running[job_id] = job.memory
        try:
            # Once a container has ended, it is gone, and nobody can tell how.
            self._follow_ends()
            self.client.containers.create(**options).start()
        except BaseException:
            self._running.pop(job_id, None)
            # It may be there, if only the answer was lost, or this process was told to end.
            with contextlib.suppress(DockerException):
                self.client.api.remove_container(job.name, v=True, force=True)
            raise

    def _let_submit(self, options: dict[str, Any]) -> None:
        """Let a container have others made."""
        options["environment"]["DOCKER_HOST"] = self.config.host
        if socket := self.config.socket:
            stores = GlobalConfiguration().local_stores_path
            options["environment"][ENV_ZENML_LOCAL_STORES_PATH] = stores
            options["mounts"] = [*options["mounts"], Mount(socket, socket, "bind")]
            options["group_add"] = [*options.get("group_add", ()), os.stat(socket).st_gid]

    def _follow_ends(self) -> None:
        """Have the engine tell of the ends of containers, from before the first one starts."""
        if not self._is_told:
            listen = threading.Thread(target=self._listen, args=(self._ends(),), daemon=True)
            listen.start()
            self._is_told = True

    def _ends(self) -> Iterator[dict[str, Any]]:
        about = {"type": "container", "event": ["die", "died"]}  # The second is Podman's word.
        events: Iterator[dict[str, Any]] = self.client.api.events(filters=about, decode=True)
        return events

    def _listen(self, ends: Iterator[dict[str, Any]]) -> None:
        """Note the ends of containers, as long as this process lives."""
        while True:
            # The engine may be restarted, or what it says cut short.
            with contextlib.suppress(Exception):
                for end in ends:
                    self._hear(end["Actor"]["Attributes"])
            time.sleep(LOOK_SECONDS)
            with contextlib.suppress(Exception):
                ends = self._ends()
                with self._changes:
                    self._look(list(self._running))

    def _hear(self, container: dict[str, str]) -> None:
        with self._changes:
            for job_id in list(self._running):
                if _name(job_id) == container["name"]:
                    self._note_end(job_id, int(container["exitCode"]))

    def _look(self, job_ids: Collection[str]) -> None:
        """Note the ends that the engine did not tell of. No job must be about to start."""
        for job_id in job_ids:
            if self._ask(job_id).is_ended:
                self._note_end(job_id, None)

    def _ask(self, job_id: str) -> JobState:
        try:
            state = self.client.containers.get(_name(job_id)).status
        except APIError as error:
            if _is_gone(error):
                return JobState.UNKNOWN
            raise
        return ALIVE.get(state, JobState.UNKNOWN)

    def _note_end(self, job_id: str, code: int | None) -> None:
        memory = self._running.pop(job_id)
        if job_id in self._cancelled:
            state = JobState.CANCELLED
        elif code is None:
            state = JobState.UNKNOWN
        else:
            state = JobState.SUCCEEDED if code == 0 else JobState.FAILED
            self._reasons[job_id] = _reason(code, memory)
        self._end(job_id, state)
        self._start_what_fits()

    def _end(self, job_id: str, state: JobState) -> None:
        self._ended[job_id] = state
        self._changes.notify_all()

    def _start_what_fits(self) -> None:
        while self._queued and self._has_room:
            job_id, job = next(iter(self._queued.items()))
            del self._queued[job_id]
            try:
                self._start(job_id, job)
            except Exception:
                logger.exception("The container of job %s does not start.", job_id)
                self._end(job_id, JobState.FAILED)

    def _stop(self, job_id: str) -> None:
        try:
            container = self.client.containers.get(_name(job_id))
            extra = extra_grace_seconds(container.labels.get(f"{LABEL}role"))
            grace = self.config.stop_grace_seconds + round(extra)
            self.client.api.stop(container.id, timeout=grace)
        except APIError as error:
            if not _is_gone(error):
                logger.exception("Job %s could not be stopped.", job_id)
        except (DockerException, OSError):
            logger.exception("Job %s could not be stopped.", job_id)

    def _check_reach(self, job_id: str) -> None:
        engine = job_id.partition(":")[0]
        if engine != self._engine["Name"]:
            raise OutOfReachError(
                f"The run's jobs are containers of the engine on {engine}, and the one at "
                f"{self.config.host} is on {self._engine['Name']}. Stop or refresh the run where "
                "that engine is reached."
            )

    def _check_gpus(self, job: Job) -> None:
        ids = job_settings(job).gpu_device_ids
        if ids and len(ids) < (job.gpus or 0):
            raise ValueError(f"It asks for {job.gpus} GPUs, and `gpu_device_ids` names {ids}.")
        if any("podman" in component["Name"].lower() for component in self._engine["Components"]):
            raise ValueError(
                f"It asks for {job.gpus} GPUs, and Podman ignores what Docker's API says about "
                "GPUs: the step would run without. Don't ask, and name the devices in `run_args`, "
                "for example {'devices': ['nvidia.com/gpu=0']}."
            )

    def _have(self, image: str) -> None:
        """Have an image, with the credentials of this machine; the coordinator may have none."""
        try:
            self.client.images.get(image)
        except ImageNotFound:
            logger.info("Pulling %s", image)
            try:
                self.client.images.pull(image)
            except DockerException as error:
                raise ValueError(
                    f"The engine does not have the image {image}, and can't pull it: {error}"
                ) from error

    @property
    def _is_rootless(self) -> bool:
        return any("rootless" in option for option in self._engine.get("SecurityOptions") or ())

    def _log(self, job_id: str) -> Path | None:
        if self.config.socket is None:
            return None
        stores = Path(GlobalConfiguration().local_stores_path)
        return stores / "acme_flavor_jobs" / f"{job_id.partition(':')[2]}.log"


def _name(job_id: str) -> str:
    return job_id.rpartition("/")[2]


def _reason(code: int, memory: int | None) -> str:
    if code == 128 + signal.SIGKILL and memory is not None:
        return f"Killed, perhaps for more than the {memory} bytes it asked for (exit code {code})"
    return f"Exit code {code}"


def _is_gone(error: APIError) -> bool:
    # While Podman removes a container, that is an error of another kind.
    return isinstance(error, NotFound) or "no such container" in str(error)
