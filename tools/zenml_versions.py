"""Which versions of ZenML the kit supports: one line says it, and this tool writes the others.

    python tools/zenml_versions.py            write the range wherever it stands
    python tools/zenml_versions.py --check    exit with 1 if it is another one somewhere
    python tools/zenml_versions.py --list     print the oldest, a middle and the newest, as JSON

The line is the suite's requirement in conformance_tests/pyproject.toml.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
SOURCE = Path("conformance_tests/pyproject.toml")

RANGE = r">=[\d.]+,<[\d.]+"
REQUIREMENT = re.compile(rf'(zenml(?:\[[a-z,]+\])?)({RANGE})(?=")')

COPIES = {
    "conformance_tests/pyproject.toml": REQUIREMENT,
    "pyproject.toml": REQUIREMENT,
    "templates/default/Dockerfile": REQUIREMENT,
    "tools/engines/podman_service.py": REQUIREMENT,
    "{{cookiecutter.package_name}}/pyproject.toml": re.compile(rf'(set zenml = ")({RANGE})'),
    "README.md": re.compile(r"(and ZenML )([\d.]+ to [\d.]+)(?=\.)"),
}
"""Where the range stands, and how to find it there: what is before it, and itself."""


def supported() -> str:
    """Return the range as pip writes it."""
    found = REQUIREMENT.search((ROOT / SOURCE).read_text(encoding="utf-8"))
    if found is None:
        raise LookupError(f"{SOURCE} does not say which versions of ZenML it needs")
    return found[2]


def in_words(supported: str) -> str:
    """Return the range as the README says it: the first and the last minor version."""
    oldest, too_new = re.findall(r"[\d.]+", supported)
    major, minor = Version(too_new).release[:2]
    if not minor:
        raise ValueError(f"what is the last version below {too_new}? Name it by its minor version")
    return f"{oldest} to {major}.{minor - 1}"


def written(name: str) -> tuple[str, str]:
    """Return a file as it is, and as it should be.

    Raises:
        LookupError: If the range is not in there at all.
    """
    text = (ROOT / name).read_text(encoding="utf-8")
    own = in_words(supported()) if name == "README.md" else supported()
    new, places = COPIES[name].subn(lambda found: found[1] + own, text)
    if not places:
        raise LookupError(f"{name} does not say which versions of ZenML are supported")
    return text, new


def versions_in(said: str) -> list[Version]:
    """Return the versions that pip has listed."""
    (line,) = re.findall(r"^Available versions: (.*)$", said, re.MULTILINE)
    return [Version(version) for version in line.split(", ")]


def available() -> list[Version]:
    """Ask the package index for ZenML's versions."""
    command = [sys.executable, "-m", "pip", "index", "versions", "zenml"]
    return versions_in(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def oldest_middle_newest() -> list[str]:
    """Return three of the supported versions that the package index has; fewer if it has fewer."""
    versions = sorted(SpecifierSet(supported()).filter(available()))
    if not versions:
        raise LookupError(f"the package index has no version of ZenML in {supported()}")
    newest = {version.release[:2]: version for version in versions}  # of each minor version
    middle = [*newest.values()][len(newest) // 2]
    return [str(version) for version in sorted({versions[0], middle, versions[-1]})]


def main() -> None:
    """Write, check or list."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--check", action="store_true", help="write nothing; exit with 1 if I would")
    group.add_argument("--list", action="store_true", help="print three versions to judge on")
    options = parser.parse_args()
    if options.list:
        print(json.dumps(oldest_middle_newest()))
        return
    stale = []
    for name in COPIES:
        text, new = written(name)
        if text != new:
            stale.append(name)
            if not options.check:
                (ROOT / name).write_text(new, encoding="utf-8")
    if options.check and stale:
        sys.exit(
            f"{SOURCE} supports ZenML {supported()}, which is not what {', '.join(stale)} says. "
            "`python tools/zenml_versions.py` writes it there."
        )


if __name__ == "__main__":
    main()
