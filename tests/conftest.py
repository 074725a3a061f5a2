"""Fixtures: a copy of the template, and engines that know nothing of the user's own settings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engines import Engines, copy_template, git, set_environment


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give git, both engines and ZenML an empty home."""
    home = tmp_path_factory.mktemp("home")
    environment = {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "ZENML_CONFIG_PATH": str(home / "zenml"),
        "ZENML_ANALYTICS_OPT_IN": "false",
    }
    with pytest.MonkeyPatch.context() as patch:
        set_environment(patch, environment)
        (home / ".gitconfig").write_text(
            "[user]\n\tname = Test\n\temail = test@example.com\n[init]\n\tdefaultBranch = main\n"
        )
        yield home


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the template's files, without anything that lies about in the checkout."""
    return copy_template(tmp_path_factory.mktemp("template") / "template")


@pytest.fixture(scope="session")
def engines(template: Path, home: Path) -> Engines:
    """Both engines, on the copy of the template."""
    return Engines(str(template), home)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where mypy keeps what it knows of ZenML, which takes it long to find out."""
    return tmp_path_factory.mktemp("mypy")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository with the template in it, tagged v1."""
    repository = copy_template(tmp_path / "repository")
    git(repository, "init", "--quiet")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "First")
    git(repository, "tag", "v1")
    return repository
