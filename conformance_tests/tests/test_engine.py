"""The engine and its session end together, however the first of them ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from commands import environment, pytest_command, run_pytest
from zenml_conformance.engine.process import EngineProcess

SECONDS = 180.0


def wait_until(condition: Callable[[], bool]) -> bool:
    """Wait, for what should take a moment."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in path.read_text().split()] if path.exists() else []


def is_alive(pid: int) -> bool:
    """Whether a process runs, and is no zombie."""
    path = Path(f"/proc/{pid}/stat")
    return path.exists() and path.read_text().rpartition(")")[2].split()[0] != "Z"


class Session:
    """A pytest session that is under way, and has run something."""

    def __init__(self, directory: Path, temporary: Path, *options: str) -> None:
        """Start it.

        Args:
            directory: Where.
            temporary: Its directory of temporary files, empty.
            *options: More options.
        """
        self.temporary = temporary
        self.log = directory / "log"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                pytest_command(
                    "--orchestrator=reference", "--conformance-rules=DEAD,RETRY", *options
                ),
                cwd=directory,
                env=environment(directory / "home", TMPDIR=str(self.temporary)),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        begun = "scenarios/*/probes"
        assert wait_until(
            lambda: any(
                path
                for kept in (
                    directory.glob(f".pytest_cache/d/conformance/*/{begun}"),
                    temporary.glob(f"*/session/{begun}"),
                )
                for path in kept
            )
        ), self.log.read_text()
        (self.supervisor,) = children(self.process.pid)
        (self.engine,) = children(self.supervisor)


def test_it_starts_where_temporary_files_have_long_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / ("t" * 100)
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    engine = EngineProcess([path for path in sys.path if path])
    engine.close()
    assert not Path(engine.socket).parent.exists()
    assert not list(temporary.iterdir())


def test_it_starts_with_signals_at_their_defaults() -> None:
    """As it would with none ignored: what it starts inherits that."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        engine = EngineProcess([path for path in sys.path if path])
    finally:
        signal.signal(signal.SIGHUP, before)
    (server,) = children(engine._process.pid)
    status = Path(f"/proc/{server}/status").read_text()
    engine.close()
    ignored = next(line for line in status.splitlines() if line.startswith("SigIgn:"))
    assert not int(ignored.split()[1], 16) & 1 << (signal.SIGHUP - 1)


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A directory of temporary files. The engine uses another where the path is long."""
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        yield Path(directory)


@pytest.fixture
def session(tmp_path: Path, temporary: Path) -> Iterator[Session]:
    """A session in the middle of its scenarios."""
    session = Session(tmp_path, temporary)
    yield session
    session.process.kill()
    session.process.wait()


def test_a_killed_engine_ends_the_session_with_an_error(session: Session) -> None:
    os.kill(session.engine, signal.SIGKILL)
    assert session.process.wait(timeout=SECONDS) not in (0, pytest.ExitCode.TESTS_FAILED)
    said = session.log.read_text()
    assert "the conformance engine" in said
    assert "the engine ended by SIGKILL" in said
    assert not list(session.temporary.iterdir())


def test_a_killed_session_takes_the_engine_and_all_it_started_along(session: Session) -> None:
    started = [session.supervisor, session.engine, *children(session.engine)]
    session.process.send_signal(signal.SIGKILL)
    session.process.wait()
    assert len(started) > 2
    assert wait_until(lambda: not any(is_alive(pid) for pid in started))
    assert not list(session.temporary.iterdir())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_session_that_keeps_nothing_leaves_nothing(
    number: signal.Signals, tmp_path: Path, temporary: Path
) -> None:
    session = Session(tmp_path, temporary, "-p", "no:cacheprovider")
    session.process.send_signal(number)
    session.process.wait()
    assert wait_until(lambda: not is_alive(session.supervisor))
    assert not list(session.temporary.iterdir())
    assert not (tmp_path / ".pytest_cache").exists()


LEAVES_PROCESSES = """
import os, subprocess, tempfile, time

from zenml_conformance.reference.flavor import ReferenceOrchestratorFlavor
from zenml_conformance.reference.orchestrator import ReferenceOrchestrator

class Acme(ReferenceOrchestrator):
    def submit_pipeline(self, *args, **kwargs):
        tempfile.mkdtemp()
        subprocess.Popen(["sleep", "900"])
        subprocess.Popen(["sleep", "900"], start_new_session=True)
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.closerange(0, 200)
                time.sleep(900)
            os._exit(0)
        return super().submit_pipeline(*args, **kwargs)

class AcmeFlavor(ReferenceOrchestratorFlavor):
    name = "acme"
    implementation_class = Acme
"""


def marked(mark: str) -> list[int]:
    """The processes with a word in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue  # It has ended, or is not ours.
    return found


def test_what_the_judged_leaves_running_ends_with_the_session(tmp_path: Path) -> None:
    (tmp_path / "acme.py").write_text(LEAVES_PROCESSES)
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    done = run_pytest(
        tmp_path, "--orchestrator=acme:AcmeFlavor", "--conformance-rules=SUB-1", MARK=str(tmp_path),
        TMPDIR=str(temporary),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert marked(f"MARK={tmp_path}") == []
    assert list(temporary.iterdir()) == []
