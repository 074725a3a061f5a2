"""Run a job's program in a fork of a process that has imported ZenML, where that is as good."""

from __future__ import annotations

import importlib
import os
import re
import runpy
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType

from .supervisor import Request, execute

PROGRAM = f"{__package__}.job_main"
"""What can be run here: the one program that begins with the import of ZenML in any case."""

STORE_TYPE = "ZENML_STORE_TYPE"
"""Says which store the server imports. A job that has another one imports that itself."""

# The variables that nothing reads while ZenML is imported, so that a job may have its own. All
# others may be known to a library: a job that has others gets a new interpreter.
_READ_LATER = re.compile(
    r"ZENML_(ACTIVE|BACKUP_SECRETS_STORE|SECRETS_STORE|STORE|USER)_\w+"
    r"|ZENML_(ANALYTICS_OPT_IN|CONFIG_PATH|JOB_CONFIG_PATH|LOCAL_STORES_PATH|REPOSITORY_PATH|VERSION)"
    r"|ZENML_\w+_RUN_ID"
    r"|\w+_VISIBLE_DEVICES|OMP_NUM_THREADS"
    r"|_|OLDPWD|SHLVL|PYTEST_CURRENT_TEST"  # What shells and pytest change all the time.
)


def read_at_start(environment: Mapping[str, str]) -> dict[str, str]:
    """Pick the variables that a process must have from its beginning.

    Args:
        environment: The environment.

    Returns:
        A part of it, without ZenML's secrets.
    """
    return {name: value for name, value in environment.items() if not _READ_LATER.fullmatch(name)}


def server_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Say in which environment a server imports ZenML for jobs that have this one.

    Args:
        environment: The environment.

    Returns:
        A part of it, without ZenML's secrets, and the same for the environment of such a job.
    """
    kind = environment.get(STORE_TYPE)
    return {**read_at_start(environment), **({STORE_TYPE: kind} if kind else {})}


def is_possible(
    command: Sequence[str], environment: Mapping[str, str], inherited: Mapping[str, str]
) -> bool:
    """Say whether a program can run in a fork of this process as well as in a new one.

    Args:
        command: The program and its arguments.
        environment: The whole environment that it is to have.
        inherited: The environment that this process was started with.

    Returns:
        False if it needs an interpreter of its own.
    """
    return (
        command[0] in (sys.executable, sys.orig_argv[0])
        and tuple(command[1:3]) == ("-m", PROGRAM)
        and read_at_start(environment) == read_at_start(inherited)
    )


def run(request: Request, inherited: Mapping[str, str]) -> None:
    """Run the program of a job in this process, which was forked for it.

    Args:
        request: The job.
        inherited: The environment that the process was started with which this is a fork of.
    """
    command, environment = request.command, request.environment
    if not is_possible(command, environment, inherited):
        execute(request)
    os.environ.clear()
    os.environ.update(environment)
    if not getattr(sys.flags, "safe_path", False):
        sys.path[0] = os.getcwd()
    importlib.invalidate_caches()
    sys.argv = list(command[2:])
    sys.orig_argv = list(command)
    # As `python -m` does it. The program returns, or raises, to the very end of the interpreter.
    sys.modules["__main__"] = ModuleType("__main__")
    runpy._run_module_as_main(PROGRAM)  # type: ignore[attr-defined]
