"""The files of a report: `report.json`, and what is drawn from it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from zenml_conformance.errors import OptionError
from zenml_conformance.report import render
from zenml_conformance.report.model import Report


def make_room(directory: Path) -> None:
    """See to it that a report can be written, before minutes are spent on it.

    Args:
        directory: Where; is made.

    Raises:
        OptionError: If nothing can be written there.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=directory).close()
    except (OSError, ValueError) as error:  # NUL in its name.
        raise OptionError(
            f"--conformance-report={directory}: nothing can be written there ({error}). "
            "Name a directory that is yours, or one that can be made."
        ) from error


def write(report: Report, directory: Path) -> None:
    """Write all files of a report; each becomes visible complete or not at all.

    Args:
        report: The report.
        directory: Where; is made.

    Raises:
        OSError: If a file can't be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    texts = {
        "report.json": report.model_dump_json(indent=2) + "\n",
        "report.md": render.markdown(report),
        "report.html": render.page(report),
        "badge.svg": render.badge(report),
    }
    for name, text in texts.items():
        partial = directory / f".{name}.partial"
        partial.write_text(text, encoding="utf-8", newline="\n")
        partial.replace(directory / name)
