"""What the suite's own metadata says: which Pythons and ZenMLs it supports, and where it is from.

`pyproject.toml` is the one place where these stand. Imports no ZenML.
"""

from __future__ import annotations

import json
import re
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from zenml_conformance.errors import InputError

NAME = "zenml-conformance"

SUBDIRECTORY = "conformance_tests"
"""Where the suite is in its repository."""

_REPOSITORY_LABELS = ("repository", "source", "sourcecode", "github")
"""Labels of project URLs that lead to the source, spelled as PEP 753 has them compared."""


def _distribution() -> metadata.Distribution:
    try:
        return metadata.distribution(NAME)
    except metadata.PackageNotFoundError as error:
        raise InputError(
            f"{NAME} is imported from {Path(__file__).parent} and not installed: nothing says what "
            "it supports. Install it with pip."
        ) from error


def supported_python() -> SpecifierSet:
    """Say which versions of Python the suite supports."""
    return SpecifierSet(_distribution().metadata["Requires-Python"])


def supported_zenml() -> SpecifierSet:
    """Say which versions of ZenML the suite supports."""
    return next(
        requirement.specifier
        for requirement in map(Requirement, _distribution().requires or [])
        if requirement.name == "zenml" and requirement.marker is None
    )


def repository() -> str | None:
    """Say where the suite is published: the address of its repository; None: it is not known."""
    for line in _distribution().metadata.get_all("Project-URL") or []:
        label, _, url = line.partition(", ")
        if re.sub(r"[\W_]", "", label).lower() in _REPOSITORY_LABELS:
            return str(url).rstrip("/")
    return None


def installed_from() -> dict[str, Any]:
    """Say where this installation comes from, as PEP 610 has it; empty: from a package index.

    A password in the address is left out: it would end up in files that are shared.
    """
    text = _distribution().read_text("direct_url.json")
    origin: dict[str, Any] = json.loads(text) if text else {}
    if origin:
        origin["url"] = re.sub(r"^(https?://)[^/]*@", r"\1", origin["url"])
    return origin


def installed_from_checkout() -> Path | None:
    """Return the checkout that was installed from, if it is still there."""
    origin = installed_from()
    if "dir_info" not in origin:
        return None
    folder = Path(unquote(urlsplit(origin["url"]).path)).parent
    return folder if (folder / "copier.yml").is_file() else None


def requirement() -> str:
    """Say what installs this suite elsewhere."""
    origin = installed_from()
    if not origin:
        return f"{NAME}=={_distribution().version}"
    url = origin["url"]
    if "vcs_info" in origin:
        vcs = origin["vcs_info"]
        url = f"{vcs['vcs']}+{url}@{vcs['commit_id']}"
    if "subdirectory" in origin:
        url = f"{url}#subdirectory={origin['subdirectory']}"
    return f"{NAME} @ {url}"
