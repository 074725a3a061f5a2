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

from commands import environment, pytest_command
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
    """A pytest session that is under way, and has played something."""

    def __init__(self, directory: Path) -> None:
        """Start it.

        Args:
            directory: Where.
        """
        self.log = directory / "log"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                pytest_command("--orchestrator=reference", "-k", "DEAD or RETRY"),
                cwd=directory,
                env=environment(directory / "home"),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        pattern = ".pytest_cache/d/conformance/*/scenarios/*/probes"
        assert wait_until(lambda: any(directory.glob(pattern))), self.log.read_text()
        (self.engine,) = children(self.process.pid)


def test_it_starts_where_temporary_files_have_long_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / ("t" * 100)
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    engine = EngineProcess(tmp_path, [path for path in sys.path if path])
    engine.close()
    assert not Path(engine.socket).parent.exists()
    assert not list(temporary.iterdir())


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """A session in the middle of its scenarios."""
    session = Session(tmp_path)
    yield session
    session.process.kill()
    session.process.wait()


def test_a_killed_engine_ends_the_session_with_an_error(session: Session) -> None:
    os.kill(session.engine, signal.SIGKILL)
    assert session.process.wait(timeout=SECONDS) not in (0, pytest.ExitCode.TESTS_FAILED)
    assert "the conformance engine" in session.log.read_text()


def test_a_killed_session_takes_the_engine_and_all_it_started_along(session: Session) -> None:
    started = [session.engine, *children(session.engine)]
    session.process.send_signal(signal.SIGKILL)
    session.process.wait()
    assert len(started) > 1
    assert wait_until(lambda: not any(is_alive(pid) for pid in started))
