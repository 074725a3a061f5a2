"""A job as a script, for systems that take a file instead of a command and an environment."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .jobs import Job


def script_path(directory: Path, name: str) -> Path:
    """Return where the script of a job is, by the name of the job."""
    return directory.absolute() / f"{name}.sh"


def private_script(job: Job, directory: Path, once: bool = True) -> Path:
    """Write a job to a script for `sh` that only you can read: ZenML's token is in it.

    Pass the system the path, for example as the command `sh PATH`. Systems that copy a script show
    the copy to others.

    Args:
        job: The job.
        directory: Where to put the script; created if it does not exist. Machines that run jobs
            must see it under the same path.
        once: Whether the script removes itself when it starts. A job of a schedule starts again.

    Returns:
        The script. If the job is cancelled before it starts, remove it.

    Raises:
        ValueError: If a shell can't set one of the variables because of its name.
    """
    script = script_path(directory, job.name)
    lines = ["#!/bin/sh"]
    if once:
        # The shell has the file open and goes on reading.
        lines.append(f"rm -f {shlex.quote(str(script))}")
    for name, value in job.environment.items():
        if not (name.isascii() and name.isidentifier()):
            raise ValueError(
                f"{name!r} is in the environment of job {job.name}, and no shell can set a "
                "variable of that name. Rename it where the step or stack sets it."
            )
        lines.append(f"export {name}={shlex.quote(value)}")
    # `exec`: signals that are sent to the script then reach the step.
    lines.append(f"exec {shlex.join(job.command)}")

    script.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    script.unlink(missing_ok=True)  # Of a try that the system has not answered.
    # Created for its owner alone, not made private afterwards; and never an existing file.
    descriptor = os.open(script, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write("\n".join([*lines, ""]))
    return script
