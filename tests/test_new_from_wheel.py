"""`zenml-conformance new` from a wheel: without the repository, without a network."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import copier
import pytest
import yaml

from engines import ANSWERS_FILE, ROOT, Engines, copy_template, git, tree
from test_updates import edit_and_commit, has_news_and_edits, make_news

ADDRESS = "https://git.example.com/acme/kit"
SUITE = "conformance_tests"
BUILD = [sys.executable, "-m", "hatchling", "build", "-t"]


@pytest.fixture(scope="module")
def released(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the template and the suite, of which v1 is released."""
    repository = copy_template(tmp_path_factory.mktemp("released") / "kit")
    listed = git(ROOT, "ls-files", "-z", "--", SUITE).split("\0")
    for name in filter(None, listed):
        path = repository / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_symlink():
            path.symlink_to((ROOT / name).readlink())
        elif (ROOT / name).is_file():
            path.write_bytes((ROOT / name).read_bytes())
    git(repository, "init", "--quiet")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "First")
    git(repository, "tag", "v1")
    return repository


def published(metadata: Path) -> None:
    """Have an installed distribution say where it is published."""
    text = metadata.read_text(encoding="utf-8")
    head, _, body = re.sub(r"^Project-URL: .*\n", "", text, flags=re.M).partition("\n\n")
    metadata.write_text(f"{head}\nProject-URL: Repository, {ADDRESS}\n\n{body}", encoding="utf-8")


@pytest.fixture(scope="module")
def installed(released: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, installed from a wheel that was built from a source distribution."""
    scratch = tmp_path_factory.mktemp("installed")

    def run(*command: str, folder: Path) -> None:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    run(*BUILD, "sdist", "-d", str(scratch), folder=released / SUITE)
    (source,) = scratch.glob("*.tar.gz")
    run("tar", "-xf", source.name, folder=scratch)
    run(*BUILD, "wheel", "-d", str(scratch), folder=scratch / source.name.removesuffix(".tar.gz"))
    (wheel,) = scratch.glob("*.whl")
    venv.create(scratch / "venv", with_pip=False)
    python = str(scratch / "venv" / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet"]
    run(*pip, "--no-deps", "--no-index", str(wheel), folder=scratch)
    # Everything else comes from the environment of this test; its editable installs do not.
    (packages,) = (scratch / "venv" / "lib").glob("*/site-packages")
    (packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (metadata,) = packages.glob("zenml_conformance-*.dist-info/METADATA")
    published(metadata)
    return Path(python).with_name("zenml-conformance")


def test_offline(installed: Path, released: Path, home: Path, tmp_path: Path) -> None:
    """It is what copier makes from the released repository, byte for byte, and can be updated."""
    answers = {"author": "Ça Va", "backend_pattern": "kubernetes", "flavor": "mine"}
    done = subprocess.run(
        [
            *(installed, "new", "zenml-mine", "--defaults"),
            *(f"--answer={name}={answer}" for name, answer in answers.items()),
        ],
        cwd=tmp_path,
        # Any connection would be refused.
        env={"HOME": str(home), "PATH": "/usr/bin:/bin", "ALL_PROXY": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "zenml-mine is ready." in done.stdout and "published" not in done.stdout
    ours = tmp_path / "zenml-mine"

    replaced = f'[url "{released}"]\n\tinsteadOf = {ADDRESS}\n'
    settings = (home / ".gitconfig").read_text()
    (home / ".gitconfig").write_text(settings + replaced)
    try:
        theirs = Engines(f"git+{ADDRESS}", home).copier(
            tmp_path / "copier", package_name="zenml-mine", **answers
        )
        assert tree(ours) == tree(theirs)
        assert (ours / ANSWERS_FILE).read_text() == (theirs / ANSWERS_FILE).read_text()
        found = yaml.safe_load((ours / ANSWERS_FILE).read_text())
        assert (found["_src_path"], found["_commit"]) == (f"git+{ADDRESS}", "v1")
        commit = git(released, "rev-parse", "v1").strip()
        requirement = f"zenml-conformance @ git+{ADDRESS}@{commit}#subdirectory={SUITE}"
        assert requirement in (ours / "pyproject.toml").read_text()

        config = edit_and_commit(ours)
        make_news(released)
        copier.run_update(ours, defaults=True, overwrite=True, quiet=True)
        assert has_news_and_edits(ours, config)
    finally:
        (home / ".gitconfig").write_text(settings)
