"""Who lives and who does not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from zenml_conformance.core.lifeline import hold, holder, read, sign


def write(path: Path, pid: int) -> None:
    """Write down that it is this process."""
    descriptor = hold(path)
    sign(descriptor, pid, note="kept")
    os.close(descriptor)


def test_a_process_is_found_while_it_lives(tmp_path: Path) -> None:
    """Not when it has ended, whether or not somebody has waited for it."""
    path = tmp_path / "alive"
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    write(path, child.pid)
    assert holder(path) == child.pid
    record = read(path)
    assert record is not None
    assert record["note"] == "kept"
    child.kill()
    deadline = time.monotonic() + 60
    while holder(path) is not None:
        assert time.monotonic() < deadline, "it is still found"
        time.sleep(0.02)
    child.wait(timeout=60)
    assert holder(path) is None


def test_a_child_that_is_left_behind_is_not_taken_for_it(tmp_path: Path) -> None:
    """It has the file open that its parent had."""
    code = f"""
import os, subprocess, sys
from pathlib import Path
from zenml_conformance.core.lifeline import hold, sign
descriptor = hold(Path({str(tmp_path / "alive")!r}))
sign(descriptor, os.getpid())
child = subprocess.Popen(["sleep", "600"], pass_fds=[descriptor], stdout=subprocess.DEVNULL)
print(child.pid)
"""
    child = int(subprocess.check_output([sys.executable, "-c", code], timeout=60))
    try:
        assert holder(tmp_path / "alive") is None
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_number_that_is_given_again_is_another_process(tmp_path: Path) -> None:
    """It was started at another time."""
    path = tmp_path / "alive"
    write(path, os.getpid())
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "started": f"{record['started']}0"}))
    assert holder(path) is None


@pytest.mark.parametrize("content", [None, "", "{", "[]", "12", '{"pid": "x"}', '{"pid": 1}'])
def test_what_is_no_record_is_no_process(tmp_path: Path, content: str | None) -> None:
    """Such as one that was never written, or only in part."""
    if content is not None:
        (tmp_path / "alive").write_text(content)
    assert holder(tmp_path / "alive") is None


def test_the_file_is_private(tmp_path: Path) -> None:
    """Another user could otherwise have another process killed."""
    write(tmp_path / "alive", os.getpid())
    assert (tmp_path / "alive").stat().st_mode & 0o777 == 0o600
