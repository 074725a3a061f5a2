"""Orchestrators that are right turn nothing red.

Each topology and each kind of store is judged once; `make demo` judges a coordinator on files.
`make soak` judges both topologies again and again, and beside busy processes.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from commands import run_pytest
from zenml_conformance.contract.rules import RULES
from zenml_conformance.target.capability import Capability

CANNOT_APPLY = {"PKG-3", "RETRY-3", "STOP-5"} | {
    rule.id for rule in RULES.values() if rule.needs_own_backend
}
"""What the reference orchestrator can't break: it has no containers, leaves retries to ZenML, can
stop runs, and the suite starts its processes."""

OF_SERVERS = {rule.id for rule in RULES.values() if rule.needs_server}
"""What nobody can break whose store is a file."""

THREADED = (
    "--orchestrator=threaded.flavor:ThreadedFlavor",
    "--orchestrator-harness=threaded.harness:ThreadedHarness",
)
"""The one of another construction."""

NOT_CLAIMED = {
    Capability.DYNAMIC,
    Capability.ISOLATED_STEPS,
    Capability.STOP_ISOLATED_STEPS,
    Capability.SCHEDULES,
    Capability.SCHEDULE_UPDATES,
    Capability.SCHEDULE_DELETION,
}
"""What it can't do, and does not say that it can."""


def judge(directory: Path, *options: str) -> dict[str, str]:
    """Judge an orchestrator, and give what came of each rule that does not hold."""
    report = directory / "report"
    done = run_pytest(
        directory,
        *(f"--conformance-report={report}", "-q", *options),
        PYTHONPATH=os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]),
    )
    assert "\nCONFORMANT: " in done.stdout, done.stdout
    assert done.returncode == 0, done.stdout
    rules = json.loads((report / "report.json").read_text())["rules"]
    assert sorted(rule["id"] for rule in rules) == sorted(RULES)
    return {rule["id"]: rule["status"] for rule in rules if rule["status"] != "passed"}


def test_with_a_native_dag_on_two_workers(tmp_path: Path) -> None:
    topology = ("--orchestrator-config", "topology=native_dag")
    options = ("--orchestrator=reference", *topology, "-n", "2")
    unbreakable = CANNOT_APPLY | OF_SERVERS
    assert judge(tmp_path, *options) == dict.fromkeys(unbreakable, "not applicable")


def test_with_a_coordinator_on_a_server(tmp_path: Path) -> None:
    seen = judge(tmp_path, "--orchestrator=reference", "--conformance-store=server")
    assert seen == dict.fromkeys(CANNOT_APPLY, "not applicable")


def test_one_that_shares_nothing_with_the_core(tmp_path: Path) -> None:
    others = {rule.id for rule in RULES.values() if rule.capability in NOT_CLAIMED}
    unbreakable = CANNOT_APPLY | OF_SERVERS | others
    assert judge(tmp_path, *THREADED) == dict.fromkeys(unbreakable, "not applicable")
