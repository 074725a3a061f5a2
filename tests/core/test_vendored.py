"""The core is copied into every project as it is, so it can speak of none of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engines import PATTERNS
from zenml_conformance import core

FILES = sorted(Path(core.__file__).parent.glob("*.py"))

# What an engine would replace, if it rendered the core.
OF_THE_TEMPLATE = ("{{", "{%", "{#", "# jinja:", "cookiecutter", "copier")

# What files of patterns have in the place of a project's names.
PLACEHOLDERS = ("Acme", "acme_flavor", "example_pkg")

# Systems that a pattern is for. `local` and `in_process` are words of the core's own: what lies on
# this machine, and a way to use the core that every project has, whatever it makes of it.
SYSTEMS = {*PATTERNS, "podman", "kubernetes", "aws", "kubeflow"} - {"local", "in_process"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_nothing_in_the_core_is_for_one_project(path: Path) -> None:
    """No template, no name of a project, no name of a pattern."""
    text = path.read_text(encoding="utf-8")
    marks = [mark for mark in (*OF_THE_TEMPLATE, *PLACEHOLDERS) if mark in text]
    words = re.findall(rf"\b(?:{'|'.join(sorted(SYSTEMS))})\b", text, re.IGNORECASE)
    assert (marks, words) == ([], [])


def test_the_core_imports_nothing_of_the_project_beside_it() -> None:
    """It must be able to become a package of its own."""
    above = {path.name for path in FILES if re.search(r"^\s*from \.\.", path.read_text(), re.M)}
    assert not above
