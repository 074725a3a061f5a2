"""The range of ZenML's versions is said in one place, and copied to those that are known."""

from __future__ import annotations

import re

import pytest
import zenml
from packaging.specifiers import SpecifierSet

import zenml_versions
from engines import ROOT, git

MEANT_OTHERWISE = {
    "conformance_tests/tests/test_doctor.py": "a project's own range, in a test",
    "tests/test_updates.py": "a later range, of a later template",
    "{{cookiecutter.package_name}}/.github/workflows/news.yml": "any version, pre-releases too",
}


def test_nowhere_else() -> None:
    """Each file that names a range is one that the tool writes, and it has written it."""
    listed = git(ROOT, "grep", "-lE", r"zenml(\[[a-z,]+\])?>=[0-9]", "--", ":!*.md", ":!*.json")
    found = set(listed.splitlines()) - set(MEANT_OTHERWISE)
    assert found <= set(zenml_versions.COPIES)
    for name in zenml_versions.COPIES:
        text, new = zenml_versions.written(name)
        assert text == new, name


def test_what_is_tested_is_supported() -> None:
    """The version that these tests run on is in the range."""
    assert SpecifierSet(zenml_versions.supported()).contains(zenml.__version__)


@pytest.mark.parametrize(
    ("supported", "words"), [(">=0.96,<0.99", "0.96 to 0.98"), (">=1.0,<1.12", "1.0 to 1.11")]
)
def test_in_words(supported: str, words: str) -> None:
    """The README names the last version that is supported, not the first that is not."""
    assert zenml_versions.in_words(supported) == words
    with pytest.raises(ValueError, match=re.escape("below 2.0")):
        zenml_versions.in_words(">=1.0,<2.0")


def test_oldest_middle_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the minor version in the middle, the newest; what is not supported is left out."""
    said = "Available versions: 0.99.0, 0.98.1, 0.98.0, 0.97.1, 0.97.0, 0.96.0, 0.95.1\n"
    monkeypatch.setattr(zenml_versions, "supported", lambda: ">=0.96,<0.99")
    monkeypatch.setattr(zenml_versions, "available", lambda: zenml_versions.versions_in(said))
    assert zenml_versions.oldest_middle_newest() == ["0.96.0", "0.97.1", "0.98.1"]
