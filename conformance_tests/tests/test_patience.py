"""Waits follow the orchestrator's own backend, as long as the user says that it takes."""

from __future__ import annotations

from pathlib import Path

from commands import run_pytest
from zenml_conformance.target.patience import stretched, write_stretch
from zenml_conformance.target.spec import TargetSpec


def test_impatience_gives_up(tmp_path: Path) -> None:
    done = run_pytest(
        tmp_path,
        "--orchestrator=local",
        "-q",
        "--conformance-rules=SUB-1",
        "--conformance-patience=0.1",
    )
    assert "\n  SUB-1 " in done.stdout  # Among those that are broken: the client was killed.


def test_steps_wait_as_long(tmp_path: Path) -> None:
    write_stretch(str(tmp_path), TargetSpec(ref="acme", patience=120).stretch)
    assert stretched(str(tmp_path), 8.0) == 32.0
