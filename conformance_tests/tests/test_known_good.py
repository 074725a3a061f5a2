"""Orchestrators that are right turn nothing red."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from commands import run_pytest
from zenml_conformance.rules import RULES


def test_reference_with_a_coordinator(tmp_path: Path) -> None:
    """On two xdist workers, with a report."""
    report = tmp_path / "junit.xml"
    done = run_pytest(tmp_path, "--orchestrator=reference", "-n", "2", f"--junitxml={report}", "-q")
    assert done.returncode == 0, done.stdout
    assert "\nCONFORMANT: " in done.stdout
    outcomes = [
        json.loads(item.attrib["value"])
        for item in ElementTree.parse(report).iter("property")  # noqa: S314 - pytest wrote it
        if item.attrib["name"] == "conformance"
    ]
    assert sorted(outcome["rule"] for outcome in outcomes) == sorted(RULES)
    assert {outcome["status"] for outcome in outcomes} == {"passed"}


def test_reference_with_a_native_dag(tmp_path: Path) -> None:
    done = run_pytest(
        tmp_path, "--orchestrator=reference", "--orchestrator-config", "topology=native_dag", "-q"
    )
    assert done.returncode == 0, done.stdout
    assert "\nCONFORMANT: " in done.stdout
    assert f"{len(RULES)} passed" in done.stdout
