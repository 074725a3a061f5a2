"""A release: the tag is the version, and the changelog has an entry for it.

    python tools/release.py check v0.3.0    exit with 1 if this is no release of that name
    python tools/release.py notes           print the changelog's entry
    python tools/release.py urls ADDRESS    write the repository's address into the suite's metadata

The kit has one version, `__version__` of the suite. Projects are generated from, and updated to,
the tag of that version.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import NamedTuple

from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
SUITE = ROOT / "conformance_tests"
CHANGELOG = ROOT / "CHANGELOG.md"
URLS = "[project.urls]\n"


def version() -> str:
    """Return the kit's version."""
    text = (SUITE / "src/zenml_conformance/__init__.py").read_text(encoding="utf-8")
    (found,) = re.findall(r'^__version__ = "(.*)"$', text, re.MULTILINE)
    return str(found)


class Entry(NamedTuple):
    """What the changelog says of a version."""

    date: str
    """What its heading has in parentheses."""

    text: str


def entries() -> dict[str, Entry]:
    """Return the changelog's entries by version, the newest first."""
    text = CHANGELOG.read_text(encoding="utf-8")
    _, *parts = re.split(r"^## (\S+) \((.*)\)\n", text, flags=re.MULTILINE)
    found = zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    return {version: Entry(date, body.strip()) for version, date, body in found}


def problems(tag: str) -> list[str]:
    """Say what keeps a tag from being a release; empty if nothing does."""
    found = []
    if tag != f"v{version()}":
        found.append(f"the tag is {tag!r}, and the version {version()!r} needs 'v{version()}'")
    if str(Version(version())) != version():
        found.append(f"{version()!r} is not how a package index writes it ({Version(version())})")
    entry = entries().get(version())
    if entry is None or not entry.text:
        found.append(f"{CHANGELOG.name} has no entry '## {version()} (DATE)'")
    elif not re.fullmatch(r"\d{4}-\d\d-\d\d", entry.date):
        found.append(f"{CHANGELOG.name} has {entry.date!r} where the date of {version()} should be")
    return found


def with_urls(settings: str, address: str) -> str:
    """Return the suite's pyproject.toml with the addresses of a repository.

    Args:
        settings: The file.
        address: The repository's page on a forge whose paths are those of GitHub.
    """
    pages = {
        "Documentation": f"{address}/tree/main/docs",
        "Changelog": f"{address}/blob/main/CHANGELOG.md",
        "Issues": f"{address}/issues",
        "Source": address,
    }
    before, heading, after = settings.partition(URLS)
    if not heading:
        raise LookupError(f"the suite's pyproject.toml has no {URLS.strip()}")
    lines = [f'{name} = "{page}"\n' for name, page in pages.items()]
    return before + heading + "".join(lines) + after


def main() -> None:
    """Do what is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("check").add_argument("tag")
    commands.add_parser("notes")
    commands.add_parser("urls").add_argument("address")
    options = parser.parse_args()
    if options.command == "check":
        if found := problems(options.tag):
            sys.exit("This is no release:\n" + "\n".join(f"- {problem}" for problem in found))
    elif options.command == "notes":
        print(entries()[version()].text)
    else:
        path = SUITE / "pyproject.toml"
        settings = with_urls(path.read_text(encoding="utf-8"), options.address.rstrip("/"))
        path.write_text(settings, encoding="utf-8")


if __name__ == "__main__":
    main()
