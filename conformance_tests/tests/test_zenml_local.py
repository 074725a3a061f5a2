"""ZenML's own `local` orchestrator: what it turns red is confirmed in `docs/zenml-local.md`."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from commands import run_pytest
from zenml_conformance.contract.rule import Status

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "zenml_orchestrators" / "outcomes" / "0.98" / "local.json"
"""What came of it when it was judged with `python -m zenml_orchestrators judge local`."""

PAGE = ROOT / "docs" / "zenml-local.md"


def kept() -> dict[str, str]:
    """What came of each rule."""
    rules = json.loads(KEPT.read_text())["rules"]
    return {rule: outcome["status"] for rule, outcome in rules.items()}


def test_local(tmp_path: Path) -> None:
    report = tmp_path / "junit.xml"
    options = ("--orchestrator=local", "--conformance-store=server")
    done = run_pytest(tmp_path, *options, "-q", f"--junitxml={report}")
    outcomes = [
        json.loads(item.attrib["value"])
        for item in ElementTree.parse(report).iter("property")  # noqa: S314 - pytest wrote it
        if item.attrib["name"] == "conformance"
    ]
    found = {outcome["rule"]: outcome["status"] for outcome in outcomes}
    assert found == kept()
    tally = re.search(r"[*]{2}(\d+ of .+?), [^,]+ are broken", " ".join(PAGE.read_text().split()))
    assert tally
    assert f"\nNON-CONFORMANT: {tally[1]}; broken: " in done.stdout


def test_the_page_tells_of_all_that_is_red() -> None:
    page = PAGE.read_text()
    for rule, status in kept().items():
        assert (f"</a>{rule}: " in page) == (status == Status.FAILED.value)
