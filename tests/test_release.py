"""One version, an entry of the changelog for it, and distributions that an index would take."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.version import Version

import release
from engines import ROOT, copy_template
from zenml_conformance import __version__
from zenml_conformance.contract.rules import RULES

ADDRESS = "https://git.example.com/acme/kit"


def test_no_rule_is_from_the_future() -> None:
    """What brings a rule raises the version."""
    newest = max(RULES.values(), key=lambda rule: Version(rule.since))
    assert Version(newest.since) <= Version(__version__), (newest.id, newest.since)


def test_changelog() -> None:
    """The newest entry is that of the version, and none is empty."""
    versions = [*release.entries()]
    assert versions[0] == release.version() == __version__
    assert versions == sorted(versions, key=Version, reverse=True)
    assert all(entry.text for entry in release.entries().values())


def test_a_tag_is_the_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is released under another name, or without its date."""
    changelog = tmp_path / "CHANGELOG.md"
    monkeypatch.setattr(release, "CHANGELOG", changelog)
    changelog.write_text(f"# Changelog\n\n## {__version__} (2026-12-24)\n\nNews.\n")
    assert release.problems(f"v{__version__}") == []
    (said,) = release.problems("v9.9.9")
    assert "'v9.9.9'" in said and __version__ in said
    changelog.write_text(f"## {__version__} (unreleased)\n\nNews.\n")
    (said,) = release.problems(f"v{__version__}")
    assert "'unreleased'" in said
    changelog.write_text("## 0.0.1 (2026-12-24)\n\nNews.\n")
    (said,) = release.problems(f"v{__version__}")
    assert "no entry" in said


def metadata_of(text: bytes) -> Message:
    """Read a distribution's metadata."""
    return Parser().parsestr(text.decode())


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Build both distributions as the workflow does, in a copy of the kit."""
    suite = copy_template(tmp_path_factory.mktemp("kit") / "kit") / "conformance_tests"
    ignore = shutil.ignore_patterns("__pycache__", ".*_cache", "tests", "dist")
    shutil.copytree(release.SUITE, suite, ignore=ignore, symlinks=True)
    settings = suite / "pyproject.toml"
    settings.write_text(release.with_urls(settings.read_text(), ADDRESS))
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", "dist"],
        cwd=suite,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return sorted((suite / "dist").iterdir())


def test_distributions(distributions: list[Path]) -> None:
    """They carry the license, the core, the schema, and an address for whoever finds them."""
    sdist, wheel = (path for path in sorted(distributions, key=lambda path: path.suffix))
    assert sdist.name == f"zenml_conformance-{__version__}.tar.gz"
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        info = f"zenml_conformance-{__version__}.dist-info"
        license_ = archive.read(f"{info}/licenses/LICENSE")
        metadata = metadata_of(archive.read(f"{info}/METADATA"))
    assert license_ == (ROOT / "LICENSE").read_bytes()
    assert {
        "zenml_conformance/py.typed",
        "zenml_conformance/core/jobs.py",
        "zenml_conformance/report/report.schema.json",
    } <= names
    with tarfile.open(sdist) as source:
        members = {member.name.partition("/")[2]: member for member in source.getmembers()}
        assert {"LICENSE", "README.md", "src/zenml_conformance/core/jobs.py"} <= set(members)
        assert all(member.isreg() for member in members.values())

    assert metadata["Version"] == __version__
    assert metadata["License-Expression"] == "Apache-2.0"
    urls = dict(url.split(", ") for url in metadata.get_all("Project-URL", []))
    assert urls["Source"] == ADDRESS
    assert urls["Changelog"] == f"{ADDRESS}/blob/main/CHANGELOG.md"


def test_an_index_renders_it(distributions: list[Path]) -> None:
    """The README is Markdown that an index shows, and leads nowhere that only a checkout has."""
    command = [sys.executable, "-m", "twine", "check", "--strict", *map(str, distributions)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    readme = (release.SUITE / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]+)\)", readme)
    assert [link for link in links if "://" not in link] == []
