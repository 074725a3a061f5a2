"""Packs the template into one archive, and unpacks it.

Its file names hold Jinja, and its Python files are no programs yet: were they files of a package,
installers would stumble over the names and compile the contents. The build hook (`hatch_build.py`)
loads this module by its path, where nothing is installed: it imports the standard library alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import zipfile
from pathlib import Path

NAME = "template.zip"
"""The archive's name, beside the suite's modules."""

PARTS = (
    "cookiecutter.json",
    "copier.yml",
    ".gitattributes",
    "hooks",
    "templates",
    "{{cookiecutter.package_name}}",
)
"""What makes up the template, in the repository."""

STAMP = "stamp.json"
"""The member that says which commit the template is of."""

_FOLDER = "template/"
_LITTER = ("__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache")
_OF_HOOKS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""One time for all members: the same template gives the same archive."""


def pack(repository: Path, target: Path) -> None:
    """Write the archive.

    Args:
        repository: A checkout, or a copy without history.
        target: The archive.

    Raises:
        OSError: If something can't be read or written.
    """
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, STAMP, json.dumps(_stamp(repository)).encode(), 0o644)
        for name in _files(repository):
            path = repository / name
            mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            _add(archive, _FOLDER + name, path.read_bytes(), mode)


def unpack(archive: Path, target: Path) -> tuple[Path, dict[str, str]]:
    """Read the archive.

    Args:
        archive: The archive.
        target: A directory, into which the template is put.

    Returns:
        The template, and the stamp: `commit`, `version` (what `git describe` calls it) and `tag`,
        each of them only if it is known and true.

    Raises:
        OSError: If something can't be read or written.
    """
    with zipfile.ZipFile(archive) as members:
        members.extractall(target)
        for member in members.infolist():
            (target / member.filename).chmod(member.external_attr >> 16)
    stamp: dict[str, str] = json.loads((target / STAMP).read_text(encoding="utf-8"))
    return target / _FOLDER, stamp


def _add(archive: zipfile.ZipFile, name: str, content: bytes, mode: int) -> None:
    member = zipfile.ZipInfo(name, _EPOCH)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = mode << 16
    archive.writestr(member, content)


def _files(repository: Path) -> list[str]:
    """List the template's files: those that git knows, or else all but what tools leave behind."""
    listed = _git(repository, "--literal-pathspecs", "ls-files", "-z", "--", *PARTS)
    if listed is not None:
        names = {name for name in listed.split("\0") if name and (repository / name).is_file()}
    else:
        names = {
            path.relative_to(repository).as_posix()
            for part in PARTS
            for path in (repository / part, *(repository / part).rglob("*"))
            if path.is_file() and not set(_LITTER).intersection(path.parts)
        }
    return sorted(names)


def _stamp(repository: Path) -> dict[str, str]:
    """Say which commit this is; nothing if it was changed since, or has no history."""
    if _git(repository, "--literal-pathspecs", "status", "--porcelain", "--", *PARTS) != "":
        return {}
    found = {
        "commit": _git(repository, "rev-parse", "HEAD"),
        "version": _git(repository, "describe", "--tags", "--always"),
        "tag": _git(repository, "describe", "--tags", "--exact-match"),
    }
    return {name: value for name, value in found.items() if value}


def _git(repository: Path, *arguments: str) -> str | None:
    """Return what git says of a repository; None if it says nothing, or this is not its top."""
    if not (repository / ".git").exists():
        return None
    command = ["git", "--no-optional-locks", "-C", str(repository), *arguments]
    # A hook of git's may build, and has variables that lead to another repository.
    environment = {name: value for name, value in os.environ.items() if name not in _OF_HOOKS}
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip("\n")
