"""What runs on the cluster: an actor for each run, which owns the jobs of the run as Ray's tasks.

Ray gets this module by value, and with it `run_job.py` and, of the core, `warm_client.py` and
`supervised.py`, and runs them in its own workers: they may use Python and Ray, and nothing else of
this package.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import ray

from .run_job import run_job

LINGER_SECONDS = 300.0
"""How long the actor can tell how jobs have ended, when the last one has."""


@dataclass
class _Job:
    """A job.

    Attributes:
        state: A `JobState`, as text.
        told: Set when the job is to end, and when it has ended.
        where: Where its output is: the node's address, and a path there.
        reason: Why Ray has ended it, if it has.
        task: The task.
        followed: What waits for its end.
    """

    state: str = "queued"
    told: asyncio.Event = field(default_factory=asyncio.Event)
    where: tuple[str, str] | None = None
    reason: str = ""
    task: Any = None
    followed: asyncio.Future[None] | None = None

    @property
    def is_ended(self) -> bool:
        return self.state not in ("queued", "running")


class RunActor:
    """The jobs of one run. It lives as long as one of them does, and a while longer.

    Everything that it does is quick, apart from what waits. If it dies, Ray ends its tasks.
    """

    def __init__(self) -> None:
        """Start without jobs."""
        self.jobs: dict[str, _Job] = {}
        self.ends = asyncio.Condition()
        self.server_environment: dict[str, str] | None = None
        self.used = time.monotonic()
        self._leave_later()

    async def submit(self, name: str, request: dict[str, Any], options: dict[str, Any]) -> None:
        """Have Ray start a job as soon as there is room for it.

        Args:
            name: The job.
            request: What `run_job` is to do.
            options: What it needs, in Ray's words.
        """
        self.used = time.monotonic()
        # What the first job has, the pipeline's own, steps have as well, unless they change it.
        self.server_environment = self.server_environment or request["server_environment"]
        job = self.jobs[name] = _Job()
        task = ray.remote(run_job).options(name=name, max_retries=0, **options)
        me = ray.get_runtime_context().current_actor
        request = {**request, "server_environment": self.server_environment}
        job.task = task.remote(me, name, request)
        job.followed = asyncio.ensure_future(self._follow(job))

    async def states(self, names: list[str]) -> dict[str, tuple[str, str]]:
        """Say how jobs are doing.

        Args:
            names: The jobs.

        Returns:
            The state of each that is known, and why Ray has ended it.
        """
        self.used = time.monotonic()
        known = {name: self.jobs[name] for name in names if name in self.jobs}
        return {name: (job.state, job.reason) for name, job in known.items()}

    async def wait(self, names: list[str], seconds: float) -> bool:
        """Return when one of the jobs has ended, or is unknown.

        Args:
            names: The jobs.
            seconds: When to return at the latest.

        Returns:
            Whether one has.
        """

        def one_has_ended() -> bool:
            return any(name not in self.jobs or self.jobs[name].is_ended for name in names)

        async with self.ends:
            try:
                await asyncio.wait_for(self.ends.wait_for(one_has_ended), seconds)
            except asyncio.TimeoutError:
                return False
        return True

    async def cancel(self, name: str) -> None:
        """Have a job ended."""
        if (job := self.jobs.get(name)) and not job.is_ended:
            job.told.set()
            if job.state == "queued":
                ray.cancel(job.task)

    async def where(self, name: str, seconds: float) -> tuple[str, str] | None:
        """Say where the output of a job is.

        Args:
            name: The job.
            seconds: How long to wait for it to start.

        Returns:
            The node's address, and a path there; None if the job has not started.
        """
        deadline = time.monotonic() + seconds
        while (job := self.jobs.get(name)) and not (job.where or job.is_ended):
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(0.05)
        return job.where if job else None

    async def started(self, name: str, where: tuple[str, str]) -> bool:
        """Take note that Ray has found a place for a job.

        Args:
            name: The job.
            where: Where its output goes.

        Returns:
            Whether it may start.
        """
        job = self.jobs[name]
        if job.told.is_set():
            return False
        job.state, job.where = "running", where
        return True

    async def told_to_end(self, name: str) -> None:
        """Return when a job is to end, and when it has ended."""
        await self.jobs[name].told.wait()

    async def _follow(self, job: _Job) -> None:
        try:
            code = await job.task
        except ray.exceptions.TaskCancelledError:
            state = "cancelled"
        except Exception as error:
            # The worker or its node has died, or could not be had.
            state, job.reason = "failed", str(error)
        else:
            state = "succeeded" if code == 0 else "failed"
        job.state = "cancelled" if job.told.is_set() and state != "succeeded" else state
        job.task = None
        job.told.set()
        self.used = time.monotonic()
        async with self.ends:
            self.ends.notify_all()

    def _leave_later(self) -> None:
        timer = threading.Timer(LINGER_SECONDS, self._leave)
        timer.daemon = True
        timer.start()

    def _leave(self) -> None:
        alive = any(not job.is_ended for job in self.jobs.values())
        if alive or time.monotonic() - self.used < LINGER_SECONDS - 1:
            self._leave_later()
        else:
            os._exit(0)
