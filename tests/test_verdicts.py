"""The registry of verdicts takes what can be judged again, and nothing that was tidied up."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import verdicts
from engines import ROOT
from zenml_conformance.report.model import read

SEED = ROOT / "verdicts" / "acme_batch-zenml-0.98.0"


@pytest.fixture
def entry(tmp_path: Path) -> Path:
    """A copy of an entry."""
    return Path(shutil.copytree(SEED, tmp_path / SEED.name))


def change(entry: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    """Edit the report of an entry."""
    path = entry / "report.json"
    report = json.loads(path.read_text(encoding="utf-8"))
    edit(report)
    path.write_text(json.dumps(report), encoding="utf-8")


def mend(report: dict[str, Any]) -> None:
    """Call a broken MUST one that holds."""
    broken = next(
        rule for rule in report["rules"] if (rule["status"], rule["level"]) == ("failed", "MUST")
    )
    broken["status"] = "passed"


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (mend, "MUST that hold; its rules"),
        (lambda report: report["environment"].update(zenml="0.97.0"), "the folder is called"),
        (lambda report: report["subject"].update(tier="live"), "nobody else can do again"),
        (lambda report: report["left_out"].append("RES-1"), r"left out \(RES-1\)"),
        (lambda report: report["rules"][0].update(status="error"), "itself failed at SUB-1"),
        (lambda report: report.pop("verdict"), "verdict"),
    ],
)
def test_what_is_refused(
    entry: Path, edit: Callable[[dict[str, Any]], object], message: str
) -> None:
    """With the folder and what is wrong."""
    change(entry, edit)
    with pytest.raises(verdicts.EntryError, match=message):
        verdicts.load(entry)


def test_what_does_not_say_how_to_judge_is_refused(entry: Path) -> None:
    """Also with a word too many."""
    (entry / "subject.yaml").write_text("orchestrator: a:B\nrun: rm -rf /\n", encoding="utf-8")
    with pytest.raises(verdicts.EntryError, match="run"):
        verdicts.load(entry)


def test_an_entry_is_judged_again(
    entry: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Here by this environment, which stands for an empty one, and by a report that was edited."""
    monkeypatch.setattr(verdicts, "make_environment", lambda *_: Path(sys.executable))
    assert verdicts.main(["--reproduce", str(entry)]) == 0
    assert capsys.readouterr().out == "the same\n"

    def edit(report: dict[str, Any]) -> None:
        mend(report)
        report["verdict"]["held"] += 1

    change(entry, edit)
    report = read(SEED / "report.json")
    monkeypatch.setattr(verdicts, "judge_in", lambda *_: report)
    assert verdicts.main(["--reproduce", str(entry)]) == 1
    assert ": holds / broken\n" in capsys.readouterr().out
