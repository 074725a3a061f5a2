"""Files that are written from others: written, or only looked at."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def stale(files: Mapping[Path, str], write: bool) -> list[str]:
    """Name the files that are not what they should be.

    Args:
        files: The text that each should have.
        write: Whether to give it to them.

    Returns:
        Their paths in the repository.
    """
    found = []
    for path, text in files.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            found.append(path.relative_to(ROOT).as_posix())
            if write:
                path.write_text(text, encoding="utf-8", newline="\n")
    return found
