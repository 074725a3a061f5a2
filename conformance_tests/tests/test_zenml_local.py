"""ZenML's own `local` orchestrator: what it turns red is confirmed in `docs/zenml-local.md`."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from commands import run_pytest
from zenml_conformance.contract.rule import Status
from zenml_conformance.contract.rules import RULES

EXPECTED = {
    "APP-1": Status.NOT_APPLICABLE,
    "CONC-1": Status.FAILED,
    "DAG-4": Status.NOT_APPLICABLE,
    "DEAD-1": Status.FAILED,
    "DEAD-2": Status.NOT_APPLICABLE,
    "DEAD-3": Status.FAILED,
    "DEAD-4": Status.FAILED,
    "DEAD-5": Status.NOT_APPLICABLE,
    "DEAD-6": Status.BLOCKED,
    "DEAD-8": Status.NOT_APPLICABLE,
    "DYN-3": Status.FAILED,
    "DYN-4": Status.NOT_APPLICABLE,
    "DYN-6": Status.NOT_APPLICABLE,
    "DYN-8": Status.NOT_APPLICABLE,
    "DYN-9": Status.NOT_APPLICABLE,
    "DYN-10": Status.NOT_APPLICABLE,
    "ENV-7": Status.NOT_APPLICABLE,
    "HB-1": Status.NOT_APPLICABLE,
    "ISO-1": Status.NOT_APPLICABLE,
    "ISO-2": Status.NOT_APPLICABLE,
    "ISO-3": Status.NOT_APPLICABLE,
    "ISO-4": Status.NOT_APPLICABLE,
    "ISO-5": Status.NOT_APPLICABLE,
    "ISO-6": Status.NOT_APPLICABLE,
    "ISO-7": Status.NOT_APPLICABLE,
    "ISO-8": Status.NOT_APPLICABLE,
    "ISO-9": Status.NOT_APPLICABLE,
    "ISO-10": Status.NOT_APPLICABLE,
    "ISO-11": Status.NOT_APPLICABLE,
    "ISO-12": Status.NOT_APPLICABLE,
    "ISO-13": Status.NOT_APPLICABLE,
    "META-1": Status.NOT_APPLICABLE,
    "META-2": Status.NOT_APPLICABLE,
    "NAME-1": Status.NOT_APPLICABLE,
    "NAME-2": Status.NOT_APPLICABLE,
    "PKG-3": Status.NOT_APPLICABLE,
    "PROC-2": Status.NOT_APPLICABLE,
    "PROC-4": Status.NOT_APPLICABLE,
    "PROC-6": Status.NOT_APPLICABLE,
    "PROC-7": Status.NOT_APPLICABLE,
    "PROC-8": Status.NOT_APPLICABLE,
    "RES-2": Status.NOT_APPLICABLE,
    "RES-3": Status.NOT_APPLICABLE,
    "RES-4": Status.NOT_APPLICABLE,
    "RES-5": Status.NOT_APPLICABLE,
    "RETRY-2": Status.NOT_APPLICABLE,
    "RETRY-3": Status.NOT_APPLICABLE,
    "RUNID-3": Status.NOT_APPLICABLE,
    "SCHED-1": Status.NOT_APPLICABLE,
    "SCHED-2": Status.NOT_APPLICABLE,
    "SCHED-3": Status.NOT_APPLICABLE,
    "SCHED-4": Status.NOT_APPLICABLE,
    "SCHED-5": Status.NOT_APPLICABLE,
    "SCHED-6": Status.NOT_APPLICABLE,
    "SET-1": Status.NOT_APPLICABLE,
    "STAT-1": Status.NOT_APPLICABLE,
    "STAT-2": Status.NOT_APPLICABLE,
    "STAT-3": Status.NOT_APPLICABLE,
    "STAT-4": Status.NOT_APPLICABLE,
    "STAT-5": Status.NOT_APPLICABLE,
    "STOP-1": Status.NOT_APPLICABLE,
    "STOP-2": Status.NOT_APPLICABLE,
    "STOP-4": Status.NOT_APPLICABLE,
    "STOP-5": Status.FAILED,
    "STOP-6": Status.NOT_APPLICABLE,
    "STOP-8": Status.NOT_APPLICABLE,
    "SUB-2": Status.NOT_APPLICABLE,
    "SUB-3": Status.NOT_APPLICABLE,
    "SUB-4": Status.NOT_APPLICABLE,
    "SUB-5": Status.NOT_APPLICABLE,
    "ENV-3": Status.NOT_APPLICABLE,
    "SUB-7": Status.NOT_APPLICABLE,
    "SUB-10": Status.NOT_APPLICABLE,
}
"""Every rule that does not hold."""

PAGE = Path(__file__).parents[2] / "docs" / "zenml-local.md"


def test_local(tmp_path: Path) -> None:
    report = tmp_path / "junit.xml"
    done = run_pytest(tmp_path, "--orchestrator=local", "-q", f"--junitxml={report}")
    outcomes = [
        json.loads(item.attrib["value"])
        for item in ElementTree.parse(report).iter("property")  # noqa: S314 - pytest wrote it
        if item.attrib["name"] == "conformance"
    ]
    found = {outcome["rule"]: outcome["status"] for outcome in outcomes}
    passed = dict.fromkeys(RULES, Status.PASSED.value)
    assert found == {**passed, **{rule: status.value for rule, status in EXPECTED.items()}}
    assert (
        "\nNON-CONFORMANT: 34 of 39 MUST rules that apply hold, 50 can't apply; broken: "
        in done.stdout
    )


def test_the_page_tells_of_all_that_is_red() -> None:
    page = PAGE.read_text()
    for rule, status in EXPECTED.items():
        assert (f"</a>{rule}: " in page) == (status is Status.FAILED)
