"""The group `dev` installs the conformance suite from the place that the template came from."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path
from typing import Any

import cruft
import pytest
import tomlkit
import yaml
from packaging.requirements import Requirement

from engines import (
    ANSWERS_FILE,
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


def settings(project: Path) -> dict[str, Any]:
    """Return what is in a project's pyproject.toml."""
    return tomlkit.parse((project / "pyproject.toml").read_text(encoding="utf-8")).unwrap()


def group(project: Path) -> list[Requirement]:
    """Return what a project is developed with."""
    return [Requirement(line) for line in settings(project)["dependency-groups"]["dev"]]


def suite_requirement(project: Path) -> Requirement:
    """Return what a project asks for to get the suite."""
    (requirement,) = (found for found in group(project) if found.name == SUITE)
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


def serve(repository: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have git replace an address, which does not exist, by a local repository."""
    replacement = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{repository}.insteadOf",
        "GIT_CONFIG_VALUE_0": address.removeprefix("git+"),
    }
    set_environment(monkeypatch, replacement)


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
    serve(repository, expected if address[2] == ":" else address, monkeypatch)
    commit = git(repository, "rev-parse", "HEAD").strip()
    engines = Engines(address, home)
    ours = engines.cookiecutter(tmp_path / "cookiecutter")
    theirs = engines.copier(tmp_path / "copier")
    assert tree(ours) == tree(theirs)
    assert suite_requirement(ours) == Requirement(
        f"{SUITE} @ {expected}@{commit}#subdirectory=conformance_tests"
    )
    for project in (ours, theirs):
        assert "secret" not in (project / ANSWERS_FILE).read_text(encoding="utf-8")


def test_pip_installs_from_a_repository(repository: Path, home: Path, tmp_path: Path) -> None:
    """What is written for a git address can be fetched, and stays what it was."""
    add_suite(repository)
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "Second")
    commit = git(repository, "rev-parse", "HEAD").strip()
    project = Engines(f"git+file://{repository}", home).cookiecutter(tmp_path / "project")
    git(repository, "rm", "-r", "--quiet", "conformance_tests")
    git(repository, "commit", "--quiet", "--message", "Third")

    requirement = suite_requirement(project)
    assert requirement.url == f"git+file://{repository}@{commit}#subdirectory=conformance_tests"
    assert installed_by_pip(requirement, tmp_path / "wheels") == [WHEEL]


def test_cruft_names_the_commit(
    repository: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs the same hook, but keeps the answers itself."""
    address = "https://git.example.com/acme/kit.git"
    serve(repository, address, monkeypatch)
    project = cruft.create(address, tmp_path, default_config=True, no_input=True)
    commit = git(repository, "rev-parse", "HEAD").strip()
    expected = f"git+{address}@{commit}#subdirectory=conformance_tests"
    assert suite_requirement(project).url == expected
    assert not (project / ANSWERS_FILE).exists()


@pytest.fixture
def archive(repository: Path, tmp_path: Path) -> Path:
    """The template and the suite as a forge packs them."""
    add_suite(repository)
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "Second")
    path = tmp_path / "kit.zip"
    git(repository, "archive", "--prefix=kit-2/", "--output", str(path), "HEAD")
    return path


@pytest.mark.parametrize("relative", [False, True])
def test_pip_installs_from_an_archive(
    archive: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, relative: bool
) -> None:
    """Cookiecutter reads archives; they have no history, which is said."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PWD", str(tmp_path))
    address = archive.name if relative else str(archive)
    project = Engines(address, home).cookiecutter(tmp_path / "project")
    requirement = suite_requirement(project)
    assert requirement.url == f"{archive.as_uri()}#subdirectory=conformance_tests"
    assert installed_by_pip(requirement, tmp_path / "wheels") == [WHEEL]


def test_abbreviation(repository: Path, home: Path, tmp_path: Path) -> None:
    """Whatever the user's configuration makes of it, git knows where the copy came from."""
    engines = Engines("kits:repository", home, {"kits": f"git+file://{repository.parent}/{{}}"})
    commit = git(repository, "rev-parse", "HEAD").strip()
    source = f"git+file://{repository}"
    project = engines.cookiecutter(tmp_path / "project")
    assert suite_requirement(project).url == f"{source}@{commit}#subdirectory=conformance_tests"
    assert yaml.safe_load((project / ANSWERS_FILE).read_text())["_src_path"] == source


def test_abbreviation_of_a_folder(template: Path, home: Path, tmp_path: Path) -> None:
    """It is used as it is, as if it had been named by its path."""
    engines = Engines("kits:template", home, {"kits": f"{template.parent}/{{}}"})
    requirement = suite_requirement(engines.cookiecutter(tmp_path))
    assert requirement.url == (template / "conformance_tests").as_uri()


def test_abbreviation_of_an_archive(
    archive: Path, home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """No hook can tell what it stands for: the user is told what to write."""
    engines = Engines("kits:kit", home, {"kits": f"{archive.parent}/{{}}.zip"})
    requirement = suite_requirement(engines.cookiecutter(tmp_path / "project"))
    assert requirement.url is None
    said = capfd.readouterr().out
    assert "'kits:kit' does not tell where the conformance suite is" in said
    assert "has no history" in said


def test_without_hooks(template: Path, home: Path, tmp_path: Path) -> None:
    """The suite is then looked for in the index, under its name."""
    engines = Engines(str(template), home, accept_hooks=False)
    requirement = suite_requirement(engines.cookiecutter(tmp_path))
    assert str(requirement) == SUITE


def test_tools(engines: Engines, tmp_path: Path) -> None:
    """The extra `dev`, for tools that know extras alone, is the group without the suite."""
    project = engines.cookiecutter(tmp_path / "project")
    extra = settings(project)["project"]["optional-dependencies"]["dev"]
    assert [str(found) for found in group(project) if found.name != SUITE] == [
        str(Requirement(line)) for line in extra
    ]


def test_pip_installs_from_a_path(home: Path, tmp_path: Path) -> None:
    """A path with characters that URLs don't have can be read."""
    template = copy_template(tmp_path / "with space, ü & {braces}")
    add_suite(template)
    engines = Engines(str(template), home)
    ours = engines.cookiecutter(tmp_path / "cookiecutter")
    theirs = engines.copier(tmp_path / "copier")
    assert tree(ours) == tree(theirs)

    requirement = suite_requirement(ours)
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

    requirement = suite_requirement(ours)
    assert installed_by_pip(requirement, tmp_path / "wheels") == [WHEEL]


@pytest.mark.parametrize("names", NAMES)
@pytest.mark.parametrize("license_", LICENSES)
def test_wheel(engines: Engines, tmp_path: Path, license_: str, names: str) -> None:
    """A project builds; its wheel is typed and says under which license it comes."""
    answers = {**AWKWARD_TEXTS, **NAMES[names], "license": license_}
    metadata, files = build(engines.cookiecutter(tmp_path, **answers), tmp_path / "dist")
    # An index refuses addresses, and the author's paths are nobody's business.
    assert [line for line in metadata.get_all("Requires-Dist", []) if "@" in line] == []
    assert metadata["Summary"] == AWKWARD_TEXTS["description"]
    assert metadata["Author"] == AWKWARD_TEXTS["author"]
    module = metadata["Name"].replace("-", "_")
    assert {f"{module}/py.typed", f"{module}/flavor.py"} <= set(files)
    proprietary = license_ == "Proprietary"
    expression = "LicenseRef-Proprietary" if proprietary else license_
    assert metadata["License-Expression"] == expression
    assert any(name.endswith("/LICENSE") for name in files) != proprietary
    assert ("Private :: Do Not Upload" in metadata.get_all("Classifier", [])) == proprietary
