"""One term for one idea: the words that the glossary rules out are nowhere in what users read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
GLOSSARY = ROOT / "docs" / "glossary.md"

TEXTS = (
    "*.md",
    "cookiecutter.json",
    "docs/**/*.md",
    "docs/**/*.py",
    "examples/**/*.*",
    "hooks/*.py",
    "templates/**/*.*",
    "{{cookiecutter.package_name}}/**/*.*",
    "conformance_tests/*.md",
    "conformance_tests/src/**/*.py",
    "conformance_tests/tests/faulty/*.py",
)
"""Documentation, prompts, messages and comments. Of faulty orchestrators, a page is made."""

LEFT_OUT = ("docs/glossary.md", "docs/kubernetes.md", "docs/zenml-orchestrators.md")
"""The glossary names the words. The other two are yet to be gone through."""


def ruled_out() -> dict[str, str]:
    """Return the words that are not used, each with what to write instead."""
    table = GLOSSARY.read_text("utf-8").partition("## Words that are not used\n")[2]
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", table, re.M)
    return {word: instead for word, instead in rows if word != "Not"}


def found(words: dict[str, str], text: str) -> Iterator[str]:
    """Yield what is wrong with a text, a line each."""
    for word, instead in words.items():
        forms = rf"\b{word}(s|d|ed|ing)?\b".replace(" ", r"\s+(?:#\s*)?")
        for match in re.finditer(forms, text, re.IGNORECASE):
            line = text.count("\n", 0, match.start()) + 1
            yield f"{line}: {match[0]!r}: write {instead}"


def test_words() -> None:
    """None of them is used."""
    words = ruled_out()
    wrong = []
    for path in sorted({path for pattern in TEXTS for path in ROOT.glob(pattern)}):
        name = path.relative_to(ROOT).as_posix()
        if path.is_file() and name not in LEFT_OUT and "__pycache__" not in name:
            wrong += [f"{name}:{line}" for line in found(words, path.read_text("utf-8"))]
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("Whoever reads it", ["1: 'Whoever': write "]),
        ("It died without\na word, and was mended.", ["2: 'mended'", "1: 'without\\na word'"]),
        ("Someone recommends it to an amendment of StopsEverybody.", []),
    ],
)
def test_it_notices(text: str, seen: list[str]) -> None:
    """Words are found in any form and case, across lines, and not within others."""
    lines = sorted(found(ruled_out(), text))
    assert len(lines) == len(seen)
    assert all(line.startswith(start) for line, start in zip(lines, sorted(seen), strict=True))
