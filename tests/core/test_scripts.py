"""Jobs as scripts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from zenml_conformance.core.jobs import Job
from zenml_conformance.core.scripts import private_script

NASTY = """it's "quoted"\n$HOME `id` \\ ☃ """ + "x" * 4096


def test_values_survive_verbatim(tmp_path: Path) -> None:
    """Quotes, newlines and dollars reach the process as they are, in arguments too."""
    code = "import os, sys; sys.stdout.write(os.environ['NASTY'] + sys.argv[1])"
    job = Job("a", (sys.executable, "-c", code, NASTY), {"NASTY": NASTY, "PYTHONUTF8": "1"})
    script = private_script(job, tmp_path / "jobs")
    answer = subprocess.run(["/bin/sh", str(script)], capture_output=True, timeout=60, check=True)
    assert answer.stdout.decode() == NASTY + NASTY


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    """ZenML's token is in it."""
    script = private_script(Job("a", ("true",), {}), tmp_path / "jobs")
    assert script.stat().st_mode & 0o777 == 0o600
    assert script.parent.stat().st_mode & 0o777 == 0o700


def test_a_name_that_no_shell_can_set_is_refused(tmp_path: Path) -> None:
    """Rather than dropped, or taken for a command."""
    with pytest.raises(ValueError, match="a-b; id"):
        private_script(Job("a", ("true",), {"a-b; id": "1"}), tmp_path)
