"""The ZenML configuration of a job without a container."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from zenml_conformance.core import job_main, supervisor

PROGRAM = """
import atexit, json, os, stat, sys, threading, time

def tell():
    path = os.environ["ZENML_CONFIG_PATH"]
    mode = stat.S_IMODE(os.stat(path).st_mode)
    print(json.dumps([path, mode, sys.argv[1:]]))

def main():
    atexit.register(tell)
    if os.fork() == 0:
        sys.exit()  # A child that ends first takes nothing away.
    os.wait()
    threading.Thread(target=time.sleep, args=(0.2,)).start()
"""


@pytest.fixture
def told(tmp_path: Path) -> Any:
    """What a program tells at its end, when it runs with a client's configuration around."""
    (tmp_path / "a_program.py").write_text(PROGRAM)
    (tmp_path / "temporary").mkdir()
    environment = {
        **os.environ,
        "ZENML_CONFIG_PATH": str(tmp_path / "client"),
        "TMPDIR": str(tmp_path / "temporary"),
        "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path]),
    }
    environment.pop(supervisor.OWN_CONFIGURATION, None)
    command = [sys.executable, "-m", job_main.__name__, "a_program", "--option", "its value"]
    output = subprocess.check_output(command, env=environment, timeout=60)
    return json.loads(output.splitlines()[-1])


def test_it_is_the_jobs_own(told: Any, tmp_path: Path) -> None:
    """Private, there until the very end, and gone then."""
    path, mode, arguments = told
    assert Path(path).parent == tmp_path / "temporary"
    assert mode == 0o700
    assert arguments == ["--option", "its value"]
    assert list((tmp_path / "temporary").iterdir()) == []
    assert not (tmp_path / "client").exists()
