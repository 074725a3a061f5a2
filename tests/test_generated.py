"""A generated project is green on arrival: linted, typed and tested, whatever it is called."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from engines import AWKWARD_TEXTS, NAMES, PATTERNS, Engines


@pytest.fixture(scope="session", params=[(p, n) for p in PATTERNS for n in NAMES], ids="-".join)
def project(
    request: pytest.FixtureRequest, engines: Engines, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A project of each pattern with names of each length."""
    pattern, names = request.param
    answers = {**NAMES[names], **(AWKWARD_TEXTS if names == "longest" else {})}
    target = tmp_path_factory.mktemp("project")
    return engines.cookiecutter(target, **answers, backend_pattern=pattern)


def check(project: Path, *command: str, **environment: str) -> str:
    """Run a Python module in a project as if that were installed; fail with its output."""
    for_python = {"PYTHONPATH": str(project / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=project,
        env={**os.environ, **for_python, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


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


@pytest.fixture
def developer(project: Path, tmp_path: Path) -> Iterator[dict[str, str]]:
    """A developer who uses ZenML: with a repository, a configuration and variables of their own.

    None of it may change. It names a stack, a store and a server that do not exist, so that a test
    which uses any of it fails.
    """
    nobody = "00000000-0000-4000-8000-000000000000"
    chosen = f"active_project_id: {nobody}\nactive_stack_id: {nobody}\n"
    variables = {
        "HOME": str(tmp_path / "home"),
        "ZENML_CONFIG_PATH": str(tmp_path / "configuration"),
        "ZENML_LOCAL_STORES_PATH": str(tmp_path / "stores"),
        "ZENML_ACTIVE_STACK_ID": nobody,
        "ZENML_STORE_URL": "http://127.0.0.1:1",
        "ZENML_STORE_TYPE": "rest",
        "ZENML_SECRETS_STORE_TYPE": "aws",
        "DISABLE_DATABASE_MIGRATION": "true",
    }
    for place in ("home", "configuration", "stores"):
        (tmp_path / place).mkdir()
    config = tmp_path / "configuration" / "config.yaml"
    zen = project / ".zen" / "config.yaml"
    zen.parent.mkdir()
    for file in (config, zen):
        file.write_text(chosen)
    yield variables
    assert (config.read_text(), zen.read_text()) == (chosen, chosen)
    places = (config.parent, tmp_path / "stores", tmp_path / "home" / ".config")
    left = {path for place in places for path in place.rglob("*") if path.is_file()}
    assert left == {config}
    shutil.rmtree(zen.parent)


# tests/test_readme.py runs those of all patterns.
@pytest.mark.parametrize(
    "project", [("in_process", "default"), ("local", "default")], ids="-".join, indirect=True
)
def test_own_tests_of_a_developer(project: Path, developer: dict[str, str]) -> None:
    """The project's own tests say nothing but that they pass, whatever is set where they run."""
    quietly = ("-q", "-o", "addopts=", "-p", "no:cacheprovider")
    said = check(project, "pytest", *quietly, **developer)
    assert "warning" not in said, said


def test_workflow(project: Path) -> None:
    """The CI workflow is one that GitHub can read, and runs all of the above."""
    text = (project / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    jobs = yaml.safe_load(text)["jobs"]
    steps = [step for job in jobs.values() for step in job["steps"]]
    commands = {step["run"] for step in steps if "run" in step}
    assert {"ruff check .", "ruff format --check .", "mypy"} < commands
    assert any(command.startswith("pytest") for command in commands)
    versions = jobs["test"]["strategy"]["matrix"]["python-version"]
    assert versions == ["3.10", "3.11", "3.12", "3.13"]
    assert {"python-version": "${{ matrix.python-version }}", "cache": "pip"}.items() <= {
        key: value for step in jobs["test"]["steps"] for key, value in step.get("with", {}).items()
    }.items()
