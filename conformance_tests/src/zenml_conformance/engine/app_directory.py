"""`/app`, where ZenML's entrypoints work: images have that directory, and machines do not.

An ordinary user can't make it on a machine. The user of the suite perhaps can, and must find out
all the same that an orchestrator relies on it; and the suite must not leave it behind.
"""

from __future__ import annotations

import errno
import functools
import os
import sys
from pathlib import Path
from typing import Any

APP = "/app"


def forbid() -> None:
    """Refuse `/app` to this process, as to an ordinary user on a machine. It can't be undone."""

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event in ("os.mkdir", "os.chdir") and _is_app(arguments[0]):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), APP)

    sys.addaudithook(audit)


def provide(directory: Path) -> None:
    """Give this process an `/app` that stands for that of its image.

    Args:
        directory: What it is in truth; made if need be.
    """
    directory.mkdir(exist_ok=True)
    for name in ("mkdir", "makedirs", "chdir"):
        _redirect(name, directory)
    forbid()


def _redirect(name: str, directory: Path) -> None:
    function = getattr(os, name)

    @functools.wraps(function)
    def redirected(path: Any, *args: Any, **kwargs: Any) -> Any:
        if _is_app(path):
            path = directory / os.path.relpath(os.fsdecode(path), APP)
        return function(path, *args, **kwargs)

    setattr(os, name, redirected)


def _is_app(path: Any) -> bool:
    if isinstance(path, int):
        return False  # An open directory.
    words = os.fsdecode(path)
    return words == APP or words.startswith(f"{APP}/")
