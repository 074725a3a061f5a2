"""The search for the secret in what a scenario leaves."""

from __future__ import annotations

import os
from pathlib import Path

from zenml_conformance.context import exposures
from zenml_conformance.engine.session import SENTINEL


def found(directory: Path) -> list[str]:
    """Search, and name the files."""
    return sorted(exposure.detail for exposure in exposures.in_files(directory))


def test_files_that_others_can_read_are_searched(tmp_path: Path) -> None:
    for name, mode in (("open.json", 0o644), ("closed.json", 0o600), ("a.log", 0o600)):
        path = tmp_path / "jobs" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"token: {SENTINEL}")
        path.chmod(mode)
    assert found(tmp_path) == ["a.log", "open.json"]


def test_each_secret_is_called_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(f"{SENTINEL} and e30.e30.abc")
    secrets = {**exposures.SECRETS, "e30.e30.abc": "ZenML's token"}
    seen = [str(exposure) for exposure in exposures.in_files(tmp_path, secrets)]
    assert seen == [
        "the value of CONFORMANCE_TOKEN in a log (a.log)",
        "ZenML's token in a log (a.log)",
    ]


def test_what_an_orchestrator_keeps_beside_zenml_s_store_is_searched(tmp_path: Path) -> None:
    for place in ("default_zen_store/zenml.db", "batch/variables"):
        path = tmp_path / "zenml" / "local_stores" / place
        path.parent.mkdir(parents=True)
        path.write_text(SENTINEL)
        path.chmod(0o644)
    assert found(tmp_path) == ["variables"]


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.log", 0o644)
    (tmp_path / "b.log").symlink_to(tmp_path / "nowhere")
    assert found(tmp_path) == []
