"""A project with an orchestrator, as its pyproject.toml describes it to pytest and pip."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zenml_conformance.command import Refusal
from zenml_conformance.errors import InputError
from zenml_conformance.inputs import read_text

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE = "pyproject.toml"

_OPTIONS = ("--orchestrator", "--conformance-", "--prove")
_WITHOUT_VALUE = ("--conformance-strict", "--conformance-prove", "--prove")


@dataclass(frozen=True)
class Project:
    """A project.

    Attributes:
        directory: Where it is.
        name: The distribution's name; None: the project does not say.
        pytest: What it configures of pytest.
    """

    directory: Path
    name: str | None
    pytest: dict[str, Any]

    @staticmethod
    def read(directory: Path) -> Project:
        """Read a project.

        Args:
            directory: Where it is.

        Returns:
            The project.

        Raises:
            Refusal: If there is none, or its pyproject.toml can't be read.
        """
        path = directory / FILE
        if not path.exists():
            raise Refusal(f"{directory} is no project: it has no {FILE}.")
        try:
            content = tomllib.loads(read_text(path))
        except InputError as error:
            raise Refusal(f"{path}: {error}.") from error
        except tomllib.TOMLDecodeError as error:
            raise Refusal(f"{path} is no TOML: {error}.") from error
        name = _table(content, "project").get("name")
        options = _table(_table(_table(content, "tool"), "pytest"), "ini_options")
        return Project(directory, name if isinstance(name, str) else None, options)

    @property
    def orchestrator(self) -> str | None:
        """What the project has pytest judge; None: nothing."""
        for number, word in enumerate(words := self._suite_options()):
            option, equals, value = word.partition("=")
            if option == "--orchestrator":
                return value if equals else next(iter(words[number + 1 :]), None)
        named = self.pytest.get("orchestrator")
        return named if isinstance(named, str) and named else None

    def judging_options(self, orchestrator: str | None) -> list[str]:
        """Give the suite's options, without what else the project has pytest do.

        Args:
            orchestrator: What to judge; None: what the project says.

        Returns:
            Options for pytest, whose `addopts` are to be ignored.

        Raises:
            Refusal: If the project does not say.
        """
        ref = orchestrator or self.orchestrator
        if ref is None:
            raise Refusal(
                f"{self.directory / FILE} does not name an orchestrator for pytest "
                "(`--orchestrator=...` in `addopts`, or `orchestrator`). Give --orchestrator=REF."
            )
        return [*self._suite_options(), f"--orchestrator={ref}"]

    def _suite_options(self) -> list[str]:
        """Those of `addopts` that are the suite's."""
        addopts = self.pytest.get("addopts", "")
        if isinstance(addopts, list):
            words = [word for word in addopts if isinstance(word, str)]
        else:
            try:
                words = shlex.split(str(addopts))
            except ValueError as error:
                raise Refusal(f"{self.directory / FILE}: addopts: {error}.") from error
        found: list[str] = []
        value_follows = False
        for word in words:
            if value_follows or word.startswith(_OPTIONS):
                found.append(word)
                value_follows = not value_follows and "=" not in word and word not in _WITHOUT_VALUE
        return found


def _table(content: dict[str, Any], name: str) -> dict[str, Any]:
    found = content.get(name)
    return found if isinstance(found, dict) else {}
