"""A generated project is green on arrival: linted, typed and tested, whatever it is called."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from engines import AWKWARD_TEXTS, NAMES, PATTERNS, Engines


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where mypy keeps what it knows of ZenML, which takes it long to find out."""
    return tmp_path_factory.mktemp("mypy")


@pytest.fixture(scope="session", params=[(p, n) for p in PATTERNS for n in NAMES], ids="-".join)
def project(
    request: pytest.FixtureRequest, engines: Engines, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A project of each pattern with names of each length."""
    pattern, names = request.param
    answers = {**NAMES[names], **(AWKWARD_TEXTS if names == "longest" else {})}
    target = tmp_path_factory.mktemp("project")
    return engines.cookiecutter(target, **answers, backend_pattern=pattern)


def check(project: Path, *command: str) -> None:
    """Run a Python module in a project as if that were installed; fail with its output."""
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project / "src"), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_lint(project: Path) -> None:
    """`ruff check`."""
    check(project, "ruff", "check", "--no-cache", "--output-format", "concise", ".")


def test_format(project: Path) -> None:
    """`ruff format --check`."""
    check(project, "ruff", "format", "--no-cache", "--diff", ".")


# With the names that are hardest to bear. The others change nothing that is looked at here.
with_one_set_of_names = pytest.mark.parametrize(
    "project", [(pattern, "longest") for pattern in PATTERNS], ids="-".join, indirect=True
)


@with_one_set_of_names
def test_types(project: Path, cache: Path) -> None:
    """`mypy --strict`, which the project's settings ask for."""
    check(project, "mypy", "--cache-dir", str(cache))


@with_one_set_of_names
def test_own_tests(project: Path) -> None:
    """The project's own tests, without the conformance suite."""
    check(project, "pytest", "-q", "-o", "addopts=", "-p", "no:cacheprovider")


def test_workflow(project: Path) -> None:
    """The CI workflow is one that GitHub can read, and runs all of the above."""
    text = (project / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    jobs = yaml.safe_load(text)["jobs"]
    steps = [step for job in jobs.values() for step in job["steps"]]
    commands = {step["run"] for step in steps if "run" in step}
    assert {"ruff check .", "ruff format --check .", "mypy"} < commands
    assert any(command.startswith("pytest") for command in commands)
    assert all(re.search(r"@v\d+$", step["uses"]) for step in steps if "uses" in step)
    versions = jobs["test"]["strategy"]["matrix"]["python-version"]
    assert versions == ["3.10", "3.11", "3.12", "3.13"]
    assert {"python-version": "${{ matrix.python-version }}", "cache": "pip"}.items() <= {
        key: value for step in jobs["test"]["steps"] for key, value in step.get("with", {}).items()
    }.items()
