"""`zenml-conformance doctor`: finds what is wrong, and leaves everything as it is."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from zenml_conformance import distribution
from zenml_conformance.command import main

STACK = uuid.uuid4()
TOKEN = "a-token"  # noqa: S105 - it is one for tests


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, and an empty directory below it; ZenML is told nothing by variables."""
    for name in ("CONFIG_PATH", "STORE_URL", "STORE_API_KEY", "STORE_API_TOKEN",
                 "ACTIVE_STACK_ID", "REPOSITORY_PATH"):  # fmt: skip
        monkeypatch.delenv(f"ZENML_{name}", raising=False)
    home = tmp_path / "home"
    (home / "work").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.chdir(home / "work")
    return home


@pytest.fixture
def configuration(home: Path) -> Path:
    """The directory of ZenML's configuration."""
    directory = home / ".config" / "zenml"
    directory.mkdir(parents=True)
    return directory


def snapshot(directory: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in sorted(directory.rglob("*"))
    }


def diagnose(home: Path, capsys: pytest.CaptureFixture[str], *given: str) -> tuple[int, str]:
    """Run the command; it must leave everything as it was."""
    before = snapshot(home)
    status = main(["doctor", *given])
    assert snapshot(home) == before
    return status, capsys.readouterr().out


def configure(directory: Path, url: str, stack: object = STACK) -> None:
    content = {"store": {"type": "sql", "url": url}, "active_stack_id": str(stack)}
    (directory / "config.yaml").write_text(yaml.safe_dump(content))


def line(said: str, what: str) -> str:
    (found,) = [line for line in said.splitlines() if what in line[:30]]
    return found


def test_nothing_is_configured_yet(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, said = diagnose(home, capsys)
    assert status == 0, said
    assert line(said, "ZenML's store").startswith("note")
    for name in ("git", "copier", "cookiecutter", "cruft", "Python", "Directory"):
        assert line(said, name).startswith("ok")
    assert metadata.version("zenml") in line(said, "ZenML  ")


def test_the_range_is_that_of_the_metadata(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert distribution.supported_zenml() and distribution.supported_python()
    monkeypatch.setattr(distribution, "supported_zenml", lambda: SpecifierSet(">=99"))
    monkeypatch.setattr(distribution, "supported_python", lambda: SpecifierSet("<3"))
    status, said = diagnose(home, capsys)
    assert status == 1
    assert "pip install 'zenml[local]>=99'" in line(said, "ZenML  ")
    assert line(said, "Python").startswith("wrong")


def make_store(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE stack (id CHAR(32), name TEXT)")
    connection.execute("INSERT INTO stack VALUES (?, 'the-stack')", [STACK.hex])
    connection.commit()
    connection.close()


def test_a_local_store(home: Path, configuration: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = configuration / "with space?" / "zenml.db"
    configure(configuration, f"sqlite:///{store}")
    assert "is not there" in line(diagnose(home, capsys)[1], "ZenML's store")
    store.parent.mkdir()
    make_store(store)
    status, said = diagnose(home, capsys)
    assert status == 0 and line(said, "Active stack").split()[-1] == "the-stack"

    # A repository has an active stack of its own.
    (home / ".zen").mkdir()
    (home / ".zen" / "config.yaml").write_text(f"active_stack_id: {uuid.uuid4()}\n")
    status, said = diagnose(home, capsys)
    assert status == 1 and "zenml stack set" in line(said, "Active stack")

    store.write_bytes(b"no database, but long enough to be looked at as if it were one" * 99)
    status, said = diagnose(home, capsys)
    assert status == 1 and "can't be read: file is not a database" in line(said, "ZenML's store")


@pytest.mark.parametrize("content", ["a: [", "- a list\n", b"\xff"])
def test_a_configuration_that_can_not_be_read(
    content: str | bytes, home: Path, configuration: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = configuration / "config.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    status, said = diagnose(home, capsys)
    assert status == 1 and f"{path} can't be read" in line(said, "ZenML's files")


@pytest.fixture
def server() -> Iterator[str]:
    """What `doctor` asks of ZenML's server, emulated."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content: dict[str, str] = {"version": "0.98.0"}
            status = 200
            if self.path == f"/api/v1/stacks/{STACK}":
                content = {"name": "their-stack"}
                status = 200 if self.headers["Authorization"] == f"Bearer {TOKEN}" else 401
            elif self.path != "/api/v1/info":
                status = 404
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(content).encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("credentials", "stack", "what", "found", "status"),
    [
        ({"api_token": {"access_token": TOKEN}}, STACK, "Active stack", "their-stack", 0),
        ({"api_token": {"access_token": "old"}}, STACK, "login", "refuses it (401)", 1),
        ({"api_token": {"access_token": TOKEN}}, "gone", "Active stack", "is not in the store", 1),
        ({"api_key": "key"}, STACK, "login", "not tried", 0),
        (None, STACK, "login", "there is none for this server", 1),
    ],
)
def test_a_server(
    credentials: dict[str, object] | None,
    stack: object,
    what: str,
    found: str,
    status: int,
    server: str,
    home: Path,
    configuration: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure(configuration, server, stack)
    if credentials:
        (configuration / "credentials.yaml").write_text(yaml.safe_dump({server: credentials}))
    ended, said = diagnose(home, capsys)
    assert ended == status, said
    assert f"{server}, ZenML 0.98.0" in line(said, "ZenML's store")
    assert found in line(said, what)
    assert TOKEN not in said and "key" not in said.replace("API key", "")


def test_a_server_that_is_away(
    home: Path, configuration: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(configuration, "http://me:secret@127.0.0.1:1")
    status, said = diagnose(home, capsys)
    assert status == 1
    assert "http://127.0.0.1:1 can't be reached: [Errno 111]" in line(said, "ZenML's store")
    assert "secret" not in said


@pytest.mark.parametrize(
    ("name", "ref", "what", "found"),
    [
        ("zenml-conformance", "zenml_conformance.reference.flavor:ReferenceOrchestratorFlavor",
         "Flavor", "reference: ReferenceOrchestratorConfig, ReferenceOrchestrator"),
        ("zenml-conformance", "zenml_conformance.nosuch:Flavor", "Flavor",
         "No module named 'zenml_conformance.nosuch'"),
        ("zenml-not-here", "zenml_not_here.flavor:Flavor", "Project",
         "zenml-not-here is not installed"),
    ],
)  # fmt: skip
def test_a_project(
    name: str,
    ref: str,
    what: str,
    found: str,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    project = home / "work" / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text(
        f'[project]\nname = "{name}"\n[tool.pytest.ini_options]\naddopts = "--orchestrator={ref}"\n'
    )
    (project / ".copier-answers.yml").write_text("backend_pattern: slurm\n")
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    status, said = diagnose(home, capsys, "project")
    assert found in line(said, what)
    assert status == (not line(said, what).startswith("ok")), said
    assert line(said, "sbatch").startswith(("note", "ok"))


def test_a_directory_that_can_not_be_written(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.access", lambda _, mode: not mode & os.W_OK)  # Root may write anywhere.
    status, said = diagnose(home, capsys)
    assert status == 1 and line(said, "Directory").startswith("wrong")
