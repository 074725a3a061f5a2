"""What `doctor` looks at, but ZenML's store. Nothing here writes where the user works."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

import yaml
from packaging.requirements import Requirement

from zenml_conformance import distribution
from zenml_conformance.command.finding import Finding, State
from zenml_conformance.command.project import Project
from zenml_conformance.store import machine_environment

SECONDS = 120
"""How long a project may take to be imported, with ZenML, on a busy machine."""

ANSWERS = ".copier-answers.yml"

PROGRAMS = {"slurm": ("sbatch", "squeue", "scancel", "scontrol")}
"""By pattern, the programs that its backend starts. The others use Python packages, which the
project's own dependencies name."""

_IMPORT = """
import importlib, sys
module, separator, name = sys.argv[1].partition(":")
if not separator:
    module, _, name = module.rpartition(".")
flavor = getattr(importlib.import_module(module), name)()
print(f"{flavor.name}: {flavor.config_class.__name__}, {flavor.implementation_class.__name__}")
"""
"""Imports a flavor, and what it names."""


def python() -> Finding:
    """Check the version of Python."""
    supported = distribution.supported_python()
    found = platform.python_version()
    if supported.contains(found, prereleases=True):
        return Finding("Python", State.GOOD, found)
    why = f"the suite is made for Python {supported}"
    return Finding("Python", State.BAD, found, why, "use a virtual environment with one of these")


def zenml() -> Finding:
    """Check the version of ZenML."""
    supported = distribution.supported_zenml()
    todo = f"pip install 'zenml[local]{supported}'"
    found = _version("zenml")
    if found is None:
        why = "the suite and every orchestrator need it"
        return Finding("ZenML", State.BAD, "not installed", why, todo)
    if supported.contains(found, prereleases=True):
        return Finding("ZenML", State.GOOD, found)
    why = f"the core and the rules are written for ZenML {supported}"
    return Finding("ZenML", State.BAD, found, why, todo)


def tools() -> list[Finding]:
    """Check what generates projects, and updates them."""
    lacking = "`new` and `copier update` need it"
    found = [_program("git", lacking, "install git")]
    for name, why, todo in (
        ("copier", lacking, f"pip install '{distribution.NAME}[new]'"),
        ("cookiecutter", "it is another way to generate a project", "nothing, or install it"),
        ("cruft", "it updates the projects that it has made", "nothing, or install it"),
    ):
        version = _version(name)
        if version:
            found.append(Finding(name, State.GOOD, version))
        elif path := shutil.which(name):
            found.append(Finding(name, State.GOOD, path))
        else:
            found.append(Finding(name, State.NOTE, "not installed", why, todo))
    return found


def writable(directory: Path) -> Finding:
    """Check whether a project can be written, or worked on."""
    place = str(directory.resolve())
    if os.access(directory, os.W_OK | os.X_OK):
        return Finding("Directory", State.GOOD, f"{place} can be written")
    why = "projects are made and worked on there"
    todo = "go to another directory, or have its owner let you write"
    return Finding("Directory", State.BAD, f"{place} can't be written", why, todo)


def project(project: Project) -> list[Finding]:
    """Check a project: whether it is installed, its flavor can be imported, its tools are there.

    Args:
        project: The project.

    Returns:
        What was found; nothing if it has no orchestrator.
    """
    ref = project.orchestrator
    if ref is None:
        return []
    found = _installed(project)
    if (":" in ref or "." in ref) and all(finding.state is State.GOOD for finding in found):
        found.append(_importable(ref))
    pattern = _pattern(project.directory)
    for program in PROGRAMS.get(pattern or "", ()):
        why = f"the backend starts it (pattern {pattern}), here or on a login node"
        found.append(_program(program, why, "install it, or configure `login_node`", State.NOTE))
    return found


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _program(name: str, why: str, todo: str, absent: State = State.NOTE) -> Finding:
    path = shutil.which(name)
    if path is None:
        return Finding(name, absent, "not on PATH", why, todo)
    if name != "git":
        return Finding(name, State.GOOD, path)
    done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=SECONDS)
    return Finding(name, State.GOOD, done.stdout.strip().removeprefix("git version "))


def _installed(project: Project) -> list[Finding]:
    """Check that a project is installed, with what it depends on."""
    what, why = "Project", "ZenML and its jobs import the flavor by its name"
    todo = f"pip install -e {shlex.quote(str(project.directory))}"
    if project.name is None:
        return []
    try:
        distribution_ = metadata.distribution(project.name)
    except metadata.PackageNotFoundError:
        return [Finding(what, State.BAD, f"{project.name} is not installed", why, todo)]
    wrong = []
    for requirement in map(Requirement, distribution_.requires or []):
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        version = _version(requirement.name)
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            wrong.append(f"{requirement.name} {version or 'is not installed'}")
    found = [Finding(what, State.GOOD, f"{project.name} {distribution_.version}")]
    if wrong:
        why = "the project depends on it, in another version or at all"
        found.append(Finding("Dependencies", State.BAD, ", ".join(wrong), why, todo))
    return found


def _importable(ref: str) -> Finding:
    """Import a flavor, in a process whose ZenML has a configuration of its own."""
    with tempfile.TemporaryDirectory(prefix=f"{distribution.NAME}-") as scratch:
        environment = {**machine_environment(), "HOME": scratch, "ZENML_CONFIG_PATH": scratch}
        try:
            done = subprocess.run(
                [sys.executable, "-B", "-c", _IMPORT, ref],
                cwd=scratch,
                env=environment,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=SECONDS,
            )
            said = (done.stderr.strip() or f"exit status {done.returncode}").splitlines()[-1]
            if done.returncode == 0:
                return Finding("Flavor", State.GOOD, done.stdout.strip().splitlines()[-1])
        except subprocess.TimeoutExpired:
            said = f"it takes more than {SECONDS} seconds"
    why = "ZenML imports it when it is registered, and in every job"
    todo = "correct the import; install what it needs"
    return Finding("Flavor", State.BAD, f"{ref} can't be imported: {said}", why, todo)


def _pattern(directory: Path) -> str | None:
    """Say which pattern a project was generated with; None: nobody knows."""
    try:
        answers = yaml.safe_load((directory / ANSWERS).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return None
    pattern = answers.get("backend_pattern") if isinstance(answers, dict) else None
    return pattern if isinstance(pattern, str) else None
