"""Orchestrators that are right turn nothing red. `make soak` does this again and again."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands import run_pytest
from zenml_conformance.rules import RULES

CANNOT_APPLY = {"PKG-3", "RETRY-3", "STOP-5"}
"""What the reference orchestrator can't break: it has no containers, leaves retries to ZenML, and
can stop runs."""


@pytest.fixture
def busy_core() -> Iterator[None]:
    """Another process that keeps a core busy."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    yield
    process.kill()
    process.wait()


def judge(directory: Path, *options: str) -> dict[str, str]:
    """Judge the reference orchestrator, and give what came of each rule that does not hold."""
    report = directory / "report"
    done = run_pytest(
        directory, "--orchestrator=reference", f"--conformance-report={report}", "-q", *options
    )
    assert "\nCONFORMANT: " in done.stdout, done.stdout
    assert done.returncode == 0, done.stdout
    rules = json.loads((report / "report.json").read_text())["rules"]
    assert sorted(rule["id"] for rule in rules) == sorted(RULES)
    return {rule["id"]: rule["status"] for rule in rules if rule["status"] != "passed"}


def test_with_a_coordinator_on_two_workers(tmp_path: Path) -> None:
    expected = dict.fromkeys({*CANNOT_APPLY, "RETRY-3"}, "not applicable")
    assert judge(tmp_path, "-n", "2") == expected


@pytest.mark.usefixtures("busy_core")
def test_with_a_native_dag_beside_a_busy_core(tmp_path: Path) -> None:
    expected = dict.fromkeys({*CANNOT_APPLY, "RETRY-3"}, "not applicable")
    assert judge(tmp_path, "--orchestrator-config", "topology=native_dag") == expected
