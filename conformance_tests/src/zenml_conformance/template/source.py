"""Where the template is, and where updates of a project will find it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zenml_conformance import distribution
from zenml_conformance.distribution import SUBDIRECTORY
from zenml_conformance.errors import InputError
from zenml_conformance.template import archive

_PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Origin:
    """Where the template comes from, in the words of copier and pip.

    Attributes:
        source: The repository; empty: it is not known.
        commit: The template's version there; empty: it is not known.
        suite: Where pip finds the suite of the same commit; empty: in a package index.
    """

    source: str = ""
    commit: str = ""
    suite: str = ""


@dataclass(frozen=True)
class Template:
    """The template, unpacked.

    Attributes:
        directory: Where it is.
        origin: Where it comes from.
        questions: What cookiecutter.json holds, from which copier.yml is made.
    """

    directory: Path
    origin: Origin
    questions: dict[str, Any]

    @property
    def choices(self) -> dict[str, list[str]]:
        """The answers that may be chosen from, by question."""
        return {name: value for name, value in self.asked.items() if isinstance(value, list)}

    @property
    def asked(self) -> dict[str, Any]:
        """The questions, with their defaults."""
        return {k: v for k, v in self.questions.items() if not k.startswith("_")}


@contextmanager
def unpacked() -> Iterator[Template]:
    """Unpack the template: the one that was installed, or that of an editable install's checkout.

    Yields:
        The template. It is removed in the end.

    Raises:
        InputError: If this installation has none.
    """
    with tempfile.TemporaryDirectory(prefix="zenml-conformance-") as name:
        packed = _PACKAGE / archive.NAME
        if not packed.is_file():
            checkout = _PACKAGE.parents[2]
            if not (checkout / "copier.yml").is_file():
                raise InputError(
                    f"this installation has no template: neither {packed} is there nor a checkout "
                    "around it. Install a wheel, or the suite of a whole checkout."
                )
            packed = Path(name, archive.NAME)
            archive.pack(checkout, packed)
        directory, stamp = archive.unpack(packed, Path(name))
        questions = json.loads((directory / "cookiecutter.json").read_text(encoding="utf-8"))
        yield Template(directory, _origin(stamp), questions)


def _origin(stamp: dict[str, str]) -> Origin:
    """Say where the template comes from, as far as that is known and will be true tomorrow.

    Args:
        stamp: What the archive knows of its commit.

    Returns:
        The checkout or the repository that was installed from. For what comes from an index: the
        published repository, if the archive is of a tagged commit. What else it was built from,
        nobody need have published.
    """
    installed = distribution.installed_from()
    if git := installed.get("vcs_info"):
        source, commit = f"{git['vcs']}+{installed['url']}", git["commit_id"]
        return Origin(source, stamp.get("version", commit), _suite(source, commit))
    if "dir_info" in installed:
        checkout = distribution.installed_from_checkout()
        if checkout is None:
            return Origin()
        suite = (checkout / SUBDIRECTORY).as_uri()
        return Origin(str(checkout), stamp.get("version", ""), suite)
    url = distribution.repository()
    if url and "tag" in stamp:
        source = f"git+{url}"
        return Origin(source, stamp["tag"], _suite(source, stamp["commit"]))
    return Origin()


def _suite(source: str, commit: str) -> str:
    return f"{source}@{commit}#subdirectory={SUBDIRECTORY}"
