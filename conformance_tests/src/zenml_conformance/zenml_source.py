"""Finds what rules name of ZenML in the source that is installed. Imports no ZenML."""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_NAME = re.compile(r"`(zenml(?:\.\w+)+|[A-Z]\w*(?:\.\w+)?)(?:\(\))?`")


def named_in(text: str) -> list[str]:
    """Find the places of ZenML's source that a text names.

    Args:
        text: With names in backticks: `zenml.module.name`, `Class` or `Class.method`.

    Returns:
        `name: file:line` for each that is found, in the order of the text.
    """
    found = []
    for name in dict.fromkeys(_NAME.findall(text)):
        place = _of_path(name) if name.startswith("zenml.") else _of_class(name)
        if place:
            found.append(f"{name}: {place}")
    return found


@cache
def _root() -> Path | None:
    """The directory of the package; looked up, which imports nothing."""
    spec = find_spec("zenml")
    return Path(spec.origin).parent if spec and spec.origin else None


def _of_path(name: str) -> str | None:
    """Find a module, and what it has, by their path."""
    root = _root()
    parts = name.split(".")[1:]
    for end in range(len(parts), 0, -1):
        if root is None:
            break
        module = root.joinpath(*parts[:end])
        for path in (module.with_suffix(".py"), module / "__init__.py"):
            if path.is_file():
                return _shown(path, _line(path.read_text(encoding="utf-8"), parts[end:]))
    return None


def _of_class(name: str) -> str | None:
    """Find a class, and its method, by their names; a name that is there twice is no place."""
    parts = name.split(".")
    pattern = re.compile(rf"^class {parts[0]}\b", re.MULTILINE)
    root = _root()
    holders = [
        (path, text)
        for path in (sorted(root.rglob("*.py")) if root else [])
        if pattern.search(text := path.read_text(encoding="utf-8"))
    ]
    if len(holders) != 1:
        return None
    path, text = holders[0]
    return _shown(path, _line(text, parts))


def _line(text: str, names: list[str]) -> int:
    """Find the line that defines something, or the last thing around it that is there."""
    at = 0
    for depth, name in enumerate(names):
        indent = " " * 4 * depth
        pattern = rf"^{indent}(?:(?:class|(?:async )?def) {name}\b|{name}\b[^\n=]*=)"
        match = re.compile(pattern, re.MULTILINE).search(text, at)
        if match is None:
            break
        at = match.start()
    return text.count("\n", 0, at) + 1


def _shown(path: Path, line: int) -> str:
    root = _root()
    return f"{path.relative_to(root.parent).as_posix()}:{line}" if root else str(path)
