"""A job as a script, for systems that take a file instead of a command and an environment."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .jobs import Job


def private_script(job: Job, directory: Path) -> Path:
    """Write a job to a script for `sh` that nobody else can read.

    Args:
        job: The job.
        directory: Where to put the script; created if it does not exist. Machines that run jobs
            must see it.

    Returns:
        The script. It holds ZenML's token: delete it when the job no longer needs it.

    Raises:
        ValueError: If a shell can't set one of the variables because of its name.
    """
    lines = ["#!/bin/sh"]
    for name, value in job.environment.items():
        if not (name.isascii() and name.isidentifier()):
            raise ValueError(
                f"{name!r} is in the environment of job {job.name}, and no shell can set a "
                "variable of that name. Rename it where the step or stack sets it."
            )
        lines.append(f"export {name}={shlex.quote(value)}")
    # `exec`: signals that are sent to the script then reach the step.
    lines.append(f"exec {shlex.join(job.command)}")

    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    script = directory / f"{job.name}.sh"
    # Created for its owner alone, not made private afterwards; and never an existing file.
    descriptor = os.open(script, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write("\n".join([*lines, ""]))
    return script
