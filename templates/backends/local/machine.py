"""What this machine has to give, and who has it."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from .core.resources import to_bytes

if TYPE_CHECKING:
    from .config import AcmeOrchestratorConfig
    from .core.jobs import Job


@dataclass(frozen=True)
class Share:
    """What one job holds of the machine.

    Attributes:
        cpu: Cores.
        memory: Bytes.
        gpus: Devices, each held by one job only; None if the job does not say what it wants.
    """

    cpu: float
    memory: int
    gpus: tuple[str, ...] | None


class Machine:
    """Book-keeping of cores, memory and GPUs. Nothing here limits what a job really uses."""

    def __init__(self, config: AcmeOrchestratorConfig) -> None:
        """Take the limits from the configuration; what it leaves open, from the machine."""
        self.slots = config.max_parallel_steps or usable_cores()
        self.cpu = config.cpus or float(usable_cores())
        self.memory = installed_memory() if config.memory is None else to_bytes(config.memory)
        self._gpu_devices = config.gpu_devices
        self._shares: list[Share] = []

    @cached_property
    def gpus(self) -> tuple[str, ...]:
        """The devices; looked for when the first job asks for one."""
        if self._gpu_devices is None:
            return installed_gpus()
        return _devices(self._gpu_devices)

    def check(self, job: Job) -> None:
        """Refuse a job that would never get its share, however long it waited.

        Raises:
            ValueError: If the job asks for more than there is.
        """
        for option, asked, there_is, unit, name in (
            ("cpus", job.cpu, self.cpu, "cores", "cpu_count"),
            ("memory", job.memory, self.memory, "bytes of memory", "memory"),
            ("gpu_devices", job.gpus, len(self.gpus) if job.gpus else 0, "GPUs", "gpu_count"),
        ):
            if asked is not None and asked > there_is:
                raise ValueError(
                    f"it asks for {asked} {unit} ({name}), and steps can have {there_is} at most. "
                    f"Ask for less, or set `{option}` of the orchestrator if that is wrong."
                )

    def take(self, job: Job) -> Share | None:
        """Give a job its share.

        Returns:
            The share; None if the job has to wait until others have given theirs back.
        """
        taken = {device for share in self._shares for device in share.gpus or ()}
        free = [device for device in self.gpus if device not in taken] if job.gpus else []
        share = Share(
            cpu=job.cpu or 0.0,
            memory=job.memory or 0,
            gpus=None if job.gpus is None else tuple(free[: job.gpus]),
        )
        shares = [*self._shares, share]
        fits = (
            len(shares) <= self.slots
            and math.fsum(share.cpu for share in shares) <= self.cpu
            and sum(share.memory for share in shares) <= self.memory
            and len(share.gpus or ()) == (job.gpus or 0)
        )
        if not fits:
            return None
        self._shares = shares
        return share

    def give_back(self, share: Share) -> None:
        """Free what an ended job held.

        Args:
            share: What `take` returned.
        """
        self._shares.remove(share)


def usable_cores() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def installed_memory() -> int:
    """Measure the memory of the machine, in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def installed_gpus() -> tuple[str, ...]:
    """List the GPUs that this process may use."""
    if (visible := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return _devices(visible)
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ()
    query = [tool, "--query-gpu=index", "--format=csv,noheader"]
    answer = subprocess.run(query, capture_output=True, text=True, timeout=60, check=False)
    return tuple(answer.stdout.split()) if answer.returncode == 0 else ()


def _devices(notation: str) -> tuple[str, ...]:
    return tuple(device.strip() for device in notation.split(",") if device.strip())
