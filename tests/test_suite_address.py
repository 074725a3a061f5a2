"""The `dev` extra installs the conformance suite from the place that the template came from."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from engines import (
    AWKWARD_TEXTS,
    LICENSES,
    NAMES,
    Engines,
    copy_template,
    git,
    set_environment,
    tree,
)

SUITE = "zenml-conformance"
WHEEL = "zenml_conformance-7-py3-none-any.whl"
ADDRESSES = {
    "gh:acme/kit": "git+https://github.com/acme/kit.git",
    "gl:acme/kit": "git+https://gitlab.com/acme/kit.git",
    "https://git.example.com/acme/kit.git": "git+https://git.example.com/acme/kit.git",
    "git+https://git.example.com/acme/kit.git": "git+https://git.example.com/acme/kit.git",
    # A password must not end up in a file that is committed.
    "https://me:secret@git.example.com/kit.git": "git+https://git.example.com/kit.git",
    "ssh://git@git.example.com/acme/kit.git": "git+ssh://git@git.example.com/acme/kit.git",
    "git@git.example.com:acme/kit.git": "git+ssh://git@git.example.com/acme/kit.git",
}


def build(project: Path, target: Path) -> tuple[Message, list[str]]:
    """Build a wheel; return its metadata and its files."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)],
        cwd=project,
        check=True,
        capture_output=True,
    )
    (path,) = target.glob("*.whl")
    with zipfile.ZipFile(path) as wheel:
        files = wheel.namelist()
        (metadata,) = (name for name in files if name.endswith(".dist-info/METADATA"))
        return Parser().parsestr(wheel.read(metadata).decode()), files


def suite_requirement(project: Path, target: Path) -> Requirement:
    """Return what a built project asks for to get the suite."""
    metadata, _ = build(project, target)
    requirements = map(Requirement, metadata.get_all("Requires-Dist", []))
    (requirement,) = (found for found in requirements if found.name == SUITE)
    return requirement


def add_suite(template: Path) -> None:
    """Put a distribution of the suite's name in the suite's place; the real one takes long."""
    suite = template / "conformance_tests"
    suite.mkdir()
    (suite / "zenml_conformance.py").touch()
    (suite / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        f'[project]\nname = "{SUITE}"\nversion = "7"\nrequires-python = ">=3.10"\n'
        '[tool.hatch.build.targets.wheel]\ninclude = ["zenml_conformance.py"]\n'
    )


def installed_by_pip(requirement: Requirement, target: Path) -> list[str]:
    """Have pip fetch and build a requirement; return the names of the wheels."""
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-index", "-w", str(target)]
    address = f"{requirement.name} @ {requirement.url}"
    subprocess.run([*command, "--no-build-isolation", address], check=True)
    return [path.name for path in target.iterdir()]


@pytest.mark.parametrize(("address", "expected"), ADDRESSES.items())
def test_repository(
    repository: Path,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    expected: str,
) -> None:
    """Both engines write an address for pip, whichever way the repository is named."""
    # Git replaces the address, which does not exist, by the local repository.
    seen_by_git = expected if address[2] == ":" else address
    replacement = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{repository}.insteadOf",
        "GIT_CONFIG_VALUE_0": seen_by_git.removeprefix("git+"),
    }
    set_environment(monkeypatch, replacement)

    engines = Engines(address, home)
    ours = engines.cookiecutter(tmp_path / "cookiecutter")
    theirs = engines.copier(tmp_path / "copier")
    assert tree(ours) == tree(theirs)
    assert suite_requirement(ours, tmp_path / "dist") == Requirement(
        f"{SUITE} @ {expected}#subdirectory=conformance_tests ; extra == 'dev'"
    )


def test_pip_installs_from_a_repository(repository: Path, home: Path, tmp_path: Path) -> None:
    """What is written for a git address can be fetched."""
    add_suite(repository)
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "Second")
    project = Engines(f"git+file://{repository}", home).cookiecutter(tmp_path / "project")
    requirement = suite_requirement(project, tmp_path / "dist")
    assert requirement.url == f"git+file://{repository}#subdirectory=conformance_tests"
    assert installed_by_pip(requirement, tmp_path / "wheels") == [WHEEL]


def test_pip_installs_from_a_path(home: Path, tmp_path: Path) -> None:
    """A path with characters that URLs don't have can be read."""
    template = copy_template(tmp_path / "with space, ü & {braces}")
    add_suite(template)
    engines = Engines(str(template), home)
    ours = engines.cookiecutter(tmp_path / "cookiecutter")
    theirs = engines.copier(tmp_path / "copier")
    assert tree(ours) == tree(theirs)

    requirement = suite_requirement(ours, tmp_path / "dist")
    assert requirement.url == (template / "conformance_tests").as_uri()
    assert installed_by_pip(requirement, tmp_path / "wheels") == [WHEEL]


@pytest.mark.parametrize("relative", [".", "../kit", "down/the tree/"])
def test_pip_installs_from_a_relative_path(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, relative: str
) -> None:
    """A relative path works for a project that is made where the engine was started."""
    here = tmp_path / "here"
    add_suite(copy_template(here / relative))
    monkeypatch.chdir(here)
    engines = Engines(relative, home)
    ours = engines.cookiecutter(Path())
    theirs = engines.copier(Path("copier"))
    assert tree(ours) == tree(theirs)

    requirement = suite_requirement(ours, tmp_path / "dist")
    assert installed_by_pip(requirement, tmp_path / "wheels") == [WHEEL]


@pytest.mark.parametrize("names", NAMES)
@pytest.mark.parametrize("license_", LICENSES)
def test_wheel(engines: Engines, tmp_path: Path, license_: str, names: str) -> None:
    """A project builds; its wheel is typed and says under which license it comes."""
    answers = {**AWKWARD_TEXTS, **NAMES[names], "license": license_}
    metadata, files = build(engines.cookiecutter(tmp_path, **answers), tmp_path / "dist")
    assert metadata["Summary"] == AWKWARD_TEXTS["description"]
    assert metadata["Author"] == AWKWARD_TEXTS["author"]
    module = metadata["Name"].replace("-", "_")
    assert {f"{module}/py.typed", f"{module}/flavor.py"} <= set(files)
    proprietary = license_ == "Proprietary"
    expression = "LicenseRef-Proprietary" if proprietary else license_
    assert metadata["License-Expression"] == expression
    assert any(name.endswith("/LICENSE") for name in files) != proprietary
    assert ("Private :: Do Not Upload" in metadata.get_all("Classifier", [])) == proprietary
