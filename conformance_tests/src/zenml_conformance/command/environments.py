"""Virtual environments in which something is judged with a version of ZenML."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from zenml_conformance import distribution
from zenml_conformance.command import Refusal
from zenml_conformance.report.model import Report, read

_NO_SUCH = re.compile(
    r"no matching distribution found for zenml\b|there is no version of zenml\b", re.IGNORECASE
)
"""What pip and uv say of a version that an index does not have."""

_TAIL = 12
"""How many lines of a failed command to show."""


def make_environment(version: str, wanted: Sequence[str], directory: Path) -> Path:
    """Make a virtual environment with a ZenML, this suite, and what is to be judged.

    Args:
        version: ZenML's.
        wanted: What is to be judged, as pip takes it.
        directory: Where to make it.

    Returns:
        Its interpreter.

    Raises:
        Refusal: If something can't be installed.
    """
    python = directory / "bin" / "python"
    if uv := shutil.which("uv"):
        _install([uv, "venv", "--quiet", "--python", sys.executable, str(directory)], version)
        install = [uv, "pip", "install", "--quiet", "--python", str(python)]
    else:
        _install([sys.executable, "-m", "venv", str(directory)], version)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    suite = distribution.requirement()
    _install([*install, f"zenml[local]=={version}", suite, *wanted], version)
    return python


def _install(command: list[str], version: str) -> None:
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    if done.returncode == 0:
        return
    if _NO_SUCH.search(done.stdout):
        raise Refusal(f"--zenml {version}: there is no such version in the package index.")
    raise Refusal(
        f"--zenml {version}: it can't be installed together with what is to be judged and this "
        f"suite. {Path(command[0]).name} says:\n{_tail(done.stdout)}"
    )


def judge_in(python: Path, project: Path, options: Sequence[str], target: Path) -> Report:
    """Judge in an environment, on the fake backend.

    Args:
        python: Its interpreter.
        project: Where to judge: pytest's configuration is there.
        options: What to judge.
        target: The directory for the report.

    Returns:
        The report.

    Raises:
        Refusal: If nothing could be judged.
    """
    path = target / "report.json"
    path.unlink(missing_ok=True)
    arguments = ["-o", "addopts=", "-p", "no:cacheprovider", "--conformance-tier=simulated"]
    inherited = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTEST_ADDOPTS")}
    done = subprocess.run(
        [str(python), "-m", "pytest", *options, *arguments, f"--conformance-report={target}"],
        cwd=project,
        env={**inherited, "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if done.returncode not in (0, 1) or not path.is_file():
        raise Refusal(f"{project} can't be judged. pytest says:\n{_tail(done.stdout)}")
    return read(path)


def _tail(output: str) -> str:
    return "\n".join(output.strip().splitlines()[-_TAIL:])
