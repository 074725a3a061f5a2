"""Runs the plugin as its users do: pytest, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SECONDS = 600
"""How long a session may take at most, on a busy machine."""


def environment(home: Path, **variables: str) -> dict[str, str]:
    """An environment in which nothing of the user's can be touched.

    Args:
        home: A home directory; is made.
        **variables: More variables.

    Returns:
        Environment variables.
    """
    home.mkdir(exist_ok=True)
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return {**kept, "HOME": str(home), "COLUMNS": "200", **variables}


def pytest_command(*arguments: str, python: str | Path = sys.executable) -> list[str]:
    """The command that runs pytest.

    Args:
        *arguments: Its arguments.
        python: The interpreter.

    Returns:
        The command.
    """
    return [str(python), "-m", "pytest", *arguments]


def run_pytest(
    directory: Path, *arguments: str, python: str | Path = sys.executable, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run pytest to its end.

    Args:
        directory: Where.
        *arguments: Its arguments.
        python: The interpreter.
        **variables: Environment variables to add.

    Returns:
        Exit code and output, standard error included.
    """
    return subprocess.run(
        pytest_command(*arguments, python=python),
        cwd=directory,
        env=environment(directory / "home", **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
    )
