"""A script is there for as long as it is needed: ZenML's token is in it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from zenml_conformance.core.jobs import Job
from zenml_conformance.core.scripts import private_script


@pytest.mark.parametrize("once", [True, False])
def test_a_script_removes_itself(
    once: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When its job starts, wherever that is; not one that a schedule starts again."""
    monkeypatch.chdir(tmp_path)
    script = private_script(Job("a", ("printenv", "NAME"), {"NAME": "value"}), Path("jobs"), once)
    printed = subprocess.check_output(["sh", script], cwd="/", timeout=60)
    assert printed == b"value\n"
    assert script.exists() is not once
