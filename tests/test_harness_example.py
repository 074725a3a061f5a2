"""The example of a harness works: it shows the suite what is right and what is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

COMMAND = [
    *(sys.executable, "-m", "pytest", "-q"),
    "--orchestrator=acme_batch:AcmeBatchFlavor",
    "--orchestrator-harness=acme_batch_harness:AcmeBatchHarness",
]


def judge(directory: Path, rules: str) -> subprocess.CompletedProcess[str]:
    """Have the suite judge some rules, as the guide says, in an empty directory."""
    return subprocess.run(
        [*COMMAND, f"--conformance-rules={rules}"],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT / "docs" / "examples")},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_jobs_are_seen(tmp_path: Path) -> None:
    """Steps run on the fake backend, and what the orchestrator does right holds there."""
    done = judge(tmp_path, "SUB-1,RUNID-1,DAG-1,ENV-3,ART-1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "simulated tier: fake backend through AcmeBatchHarness" in done.stdout
    assert "5 passed" in done.stdout


def test_what_jobs_lack_is_seen(tmp_path: Path) -> None:
    """The orchestrator forgets GPUs, and the suite says for which step."""
    done = judge(tmp_path, "RES-1")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "'two_gpus' asked for gpu_count=2; its job has no gpus" in done.stdout
