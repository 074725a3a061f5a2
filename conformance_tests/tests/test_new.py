"""`zenml-conformance new`, from the checkout that an editable install reads."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
from email.message import Message
from pathlib import Path

import pytest
import yaml

from zenml_conformance import distribution
from zenml_conformance.command import main
from zenml_conformance.distribution import NAME
from zenml_conformance.template import archive, source
from zenml_conformance.template.source import Origin

ROOT = Path(__file__).parents[2]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
SECONDS = 60
"""How long a question may take to be asked, on a busy machine."""

STAMP = {"commit": COMMIT, "version": "v1", "tag": "v1"}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty directory; copier finds no settings of the user's."""
    monkeypatch.setenv("COPIER_SETTINGS_PATH", os.devnull)
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return here


def answers(project: Path) -> dict[str, str]:
    found: dict[str, str] = yaml.safe_load((project / ".copier-answers.yml").read_text())
    return found


def test_named_after_its_directory(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "zenml-mine", "--defaults", "--pattern", "ray", "--output-dir", "a/b"]) == 0
    project = here / "a" / "b" / "zenml-mine"
    assert (project / "src" / "zenml_mine" / "cluster.py").is_file()
    found = answers(project)
    assert (found["package_name"], found["backend_pattern"]) == ("zenml-mine", "ray")
    assert found["_src_path"] == str(ROOT)
    suite = (ROOT / "conformance_tests").as_uri()
    assert f'"{NAME} @ {suite}"' in (project / "pyproject.toml").read_text()
    said = capsys.readouterr().out
    assert "zenml-mine is ready." in said and str(project) in said


def test_its_directory_is_named_after_it(here: Path) -> None:
    """Answers may hold what they are split at."""
    given = {"package_name": "Zenml_Other", "author": "A=B", "description": "Ça va: #1 & 'Co'"}
    options = [f"--answer={question}={answer}" for question, answer in given.items()]
    assert main(["new", "--defaults", *options]) == 0
    found = answers(here / "zenml-other")
    assert {question: found[question] for question in given} == given


def test_any_directory_may_be_named(here: Path) -> None:
    """One that can't be a package's name, or that is there already, with nothing but a history."""
    (here / ".git").mkdir()
    assert main(["new", ".", "--defaults"]) == 0
    assert answers(here)["package_name"] == "zenml-acme-orchestrator"


@pytest.mark.parametrize("given", [["full"], [], ["file"]])
def test_nothing_is_mixed_or_overwritten(
    given: list[str], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("full", "zenml-acme-orchestrator"):
        (here / name).mkdir()
        (here / name / "mine.txt").write_text("mine")
    (here / "file").touch()
    before = sorted(here.rglob("*"))
    assert main(["new", *given, "--defaults"]) == 2
    assert "Name " in capsys.readouterr().err
    assert sorted(here.rglob("*")) == before


@pytest.mark.parametrize("target", ["new", "old"])
def test_what_can_not_be_written_is_not_there(
    target: str, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "old").mkdir()

    def full(source: Path, target: Path, **_: bool) -> None:
        Path(target).mkdir(exist_ok=True)
        Path(target, "README.md").touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copytree", full)
    assert main(["new", target, "--defaults"]) == 2
    assert f"{target} can't be written: No space left on device." in capsys.readouterr().err
    assert sorted(here.rglob("*")) == [here / "old"]


def test_without_a_terminal_it_says_what_is_not_answered(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open(os.devnull) as nothing, pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", nothing)
        assert main(["new", "--answer", "flavor=mine"]) == 2
    said = capsys.readouterr().err
    assert "no terminal to ask on for package_name, project_name, author" in said
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    ("missing", "remedy"),
    [("copier", f"uvx --from '{NAME}[new]' {NAME} new"), ("git", "not on PATH")],
)
def test_what_is_missing_is_said_first(
    missing: str, remedy: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if missing == "git":
        monkeypatch.setenv("PATH", "")
    else:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["new", "--defaults"]) == 2
    assert remedy in capsys.readouterr().err


# -- where it comes from --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("installed", "url", "stamp", "expected"),
    [
        # From an index, or from a wheel that a user handed on.
        (
            {}, "https://git.example.com/kit", STAMP,
            Origin("git+https://git.example.com/kit", "v1",
                   f"git+https://git.example.com/kit@{COMMIT}#subdirectory=conformance_tests"),
        ),
        ({"url": "file:///x.whl", "archive_info": {}}, "https://git.example.com/kit",
         {"commit": COMMIT, "version": "v1-3-g0123456"}, Origin()),
        ({}, "https://git.example.com/kit", {}, Origin()),
        ({}, None, STAMP, Origin()),
        # From a repository: what is there need not be tagged.
        (
            {"url": "ssh://git@git.example.com/kit.git",
             "vcs_info": {"vcs": "git", "commit_id": COMMIT}},
            None, {"commit": COMMIT, "version": "v1-3-g0123456"},
            Origin("git+ssh://git@git.example.com/kit.git", "v1-3-g0123456",
                   f"git+ssh://git@git.example.com/kit.git@{COMMIT}#subdirectory=conformance_tests"),
        ),
        # From a checkout: one that was changed is of no commit; one that is gone is nowhere.
        ({"url": (ROOT / "conformance_tests").as_uri(), "dir_info": {}}, None, {},
         Origin(str(ROOT), "", (ROOT / "conformance_tests").as_uri())),
        ({"url": "file:///nowhere/kit/conformance_tests", "dir_info": {}}, None, STAMP, Origin()),
    ],
)  # fmt: skip
def test_where_it_comes_from(
    installed: dict[str, object],
    url: str | None,
    stamp: dict[str, str],
    expected: Origin,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What can't be known, or need not be published, is not written: the user is told."""
    monkeypatch.setattr(distribution, "installed_from", lambda: installed)
    monkeypatch.setattr(distribution, "repository", lambda: url)
    unpack = archive.unpack
    monkeypatch.setattr(archive, "unpack", lambda *given: (unpack(*given)[0], stamp))
    with source.unpacked() as template:
        assert template.origin == expected
    assert main(["new", "zenml-mine", "--defaults"]) == 0
    project, said = here / "zenml-mine", capsys.readouterr().out
    assert ("will not know what is new" in said) == (not expected.commit)
    requirement = f"{NAME} @ {expected.suite}" if expected.suite else NAME
    assert f'    "{requirement}",\n' in (project / "pyproject.toml").read_text()
    if not expected.source:
        assert not (project / ".copier-answers.yml").exists()
        return
    found = answers(project)
    assert (found["_src_path"], found.get("_commit", "")) == (expected.source, expected.commit)


class Installed:
    """An installed distribution."""

    version = "7"

    def __init__(self, direct_url: object, urls: list[str]) -> None:
        """Say where it was installed from, and which addresses it names."""
        self.direct_url = json.dumps(direct_url) if direct_url else None
        self.metadata = Message()
        for url in urls:
            self.metadata["Project-URL"] = url

    def read_text(self, name: str) -> str | None:
        assert name == "direct_url.json"
        return self.direct_url


@pytest.mark.parametrize(
    ("direct_url", "requirement"),
    [
        (None, f"{NAME}==7"),
        ({"url": "file:///a/kit/conformance_tests", "dir_info": {"editable": True}},
         f"{NAME} @ file:///a/kit/conformance_tests"),
        ({"url": "https://me:secret@git.example.com/kit", "subdirectory": "conformance_tests",
          "vcs_info": {"vcs": "git", "commit_id": COMMIT}},
         f"{NAME} @ git+https://git.example.com/kit@{COMMIT}#subdirectory=conformance_tests"),
    ],
)  # fmt: skip
def test_what_the_metadata_says(
    direct_url: object, requirement: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same suite can be installed elsewhere; a password is not handed on."""
    urls = ["Changelog, https://x.example.com", "Source Code, https://git.example.com/kit/"]
    monkeypatch.setattr(distribution, "_distribution", lambda: Installed(direct_url, urls))
    assert distribution.requirement() == requirement
    assert distribution.repository() == "https://git.example.com/kit"
    monkeypatch.setattr(distribution, "_distribution", lambda: Installed(direct_url, urls[:1]))
    assert distribution.repository() is None


def test_the_archive_has_what_git_knows(tmp_path: Path) -> None:
    """No more and no less, and the same bytes for the same files."""
    repository = tmp_path / "repository"
    for name in (*archive.PARTS[:3], "hooks/hook.py", "templates/a/b.py", "docs/page.md"):
        path = repository / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{{}} {name}")
    (repository / "hooks" / "hook.py").chmod(0o755)

    def git(*arguments: str) -> str:
        settings = ["-c", "user.name=T", "-c", "user.email=t@example.com"]
        command = ["git", "-C", str(repository), *settings, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def packed(name: str) -> tuple[set[str], dict[str, str], bytes]:
        path = tmp_path / f"{name}.zip"
        archive.pack(repository, path)
        directory, stamp = archive.unpack(path, tmp_path / name)
        assert os.access(directory / "hooks" / "hook.py", os.X_OK)
        files = {p.relative_to(directory).as_posix() for p in directory.rglob("*") if p.is_file()}
        return files, stamp, path.read_bytes()

    known = {*archive.PARTS[:3], "hooks/hook.py", "templates/a/b.py"}
    cache = repository / "templates" / "__pycache__" / "b.pyc"
    cache.parent.mkdir()
    cache.touch()
    assert packed("without-history")[:2] == (known, {})

    git("init", "--quiet")
    git("add", "--all", ":!*.pyc")
    git("commit", "--quiet", "--message", "First")
    (repository / ".git" / "info" / "exclude").write_text("__pycache__/\n")
    files, stamp, content = packed("untagged")
    assert files == known
    assert set(stamp) == {"commit", "version"} and stamp["commit"] == git("rev-parse", "HEAD")
    assert packed("again")[2] == content
    git("tag", "v1")
    assert packed("tagged")[1] == {"commit": stamp["commit"], "version": "v1", "tag": "v1"}
    (repository / "templates" / "new.py").touch()
    assert packed("changed")[:2] == (known, {})


def test_questions_are_asked_on_a_terminal(here: Path) -> None:
    """A bad answer is refused where it is given, and can be corrected."""
    program = str(Path(sys.executable).with_name(NAME))
    given = {"author": "x", "description": "x", "project_name": "x", "flavor": "x"}
    options = [f"--answer={question}={answer}" for question, answer in given.items()]
    command = [program, "new", *options, "--answer=license=MIT", "--pattern=local"]
    ours, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "HOME": str(here.parent)}
    with subprocess.Popen(
        command, stdin=terminal, stdout=terminal, stderr=terminal, env=environment
    ) as process:
        os.close(terminal)

        def wait_for(text: bytes) -> bytes:
            said = b""
            while text not in said:
                readable, _, _ = select.select([ours], [], [], SECONDS)
                assert readable, said
                said += os.read(ours, 65536)
                if said.endswith(b"\x1b[6n"):  # Where is the cursor?
                    os.write(ours, b"\x1b[1;1R")
            return said

        try:
            wait_for(b"zenml-acme-orchestrator")
            os.write(ours, b"-1\r")
            wait_for(b"package_name must be")
            os.write(ours, b"\x7f\x7f-two\r")
            wait_for(b"The project is in")
            assert process.wait(SECONDS) == 0
        finally:
            process.kill()
            os.close(ours)
    assert answers(here / "zenml-acme-orchestrator-two")["license"] == "MIT"
