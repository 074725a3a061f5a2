"""Several reports side by side."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from samples import report
from zenml_conformance.command import main
from zenml_conformance.contract.rule import Profile, Status
from zenml_conformance.report import files, matrix
from zenml_conformance.report.model import Report, read


@pytest.fixture
def reports(tmp_path: Path) -> list[Report]:
    """One of each: sound, broken, and from a suite that did not have a rule yet."""
    old = report(tmp_path, flavor="old")
    return [
        report(tmp_path, flavor="sound"),
        report(tmp_path, {"RES-1": Status.FAILED}, flavor="broken"),
        old.model_copy(
            update={
                "rules": [rule for rule in old.rules if rule.id not in ("RES-1", "SUB-1")],
                "left_out": ["SUB-1"],
            }
        ),
    ]


def cells(table: matrix.Matrix, rule: str) -> list[str]:
    (row,) = [row for row in table.rows if row.rule.id == rule]
    return row.cells


def test_rules_down_and_orchestrators_across(reports: list[Report]) -> None:
    table = matrix.of(reports)
    assert table.names == ["sound", "broken", "old"]
    assert cells(table, "RES-1") == ["holds", "broken", "unknown"]
    assert cells(table, "SUB-1") == ["holds", "holds", "left out"]
    assert table.lacking == {"old": ["RES-1"]}
    standings = table.profiles[Profile.RESOURCES]
    assert [standing and standing.kind.value for standing in standings] == [
        "conformant",
        "non-conformant",
        "conformant",
    ]


def test_reports_from_anywhere_are_put_in_order(
    reports: list[Report], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [tmp_path / f"{number}.json" for number in range(3)]
    times = ("2030-01-01T00:30:00+02:00", "2029-12-31T23:00:00Z", "2029-12-31T18:00:00-05:00")
    for path, made, time in zip(paths, reports, times, strict=True):
        content = json.loads(made.model_dump_json())
        path.write_text(json.dumps({**content, "created": time}))
    assert main(["compare", *map(str, paths)]) == 0
    assert read(paths[0]).created.isoformat() == "2029-12-31T22:30:00+00:00"


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"created": "2030-01-01T00:30:00"}, "created='2030-01-01T00:30:00': Input should have"),
        ({"created": "0001-01-01T00:00:00+14:00"}, "there is no such time in UTC"),
        ({"command": "\udcff"}, "half a surrogate pair"),
        ({"format_version": [1] * 1000}, "format_version=[1, 1, 1"),
    ],
)
def test_what_is_no_report_is_refused_in_a_sentence(
    changed: dict[str, object], complaint: str, reports: list[Report], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    path = tmp_path / "report.json"
    path.write_text(json.dumps({**json.loads(reports[0].model_dump_json()), **changed}))
    assert main(["compare", str(path)]) == 2
    said = capsys.readouterr().err
    assert complaint in said
    assert len(said.splitlines()) == 1 and len(said) < 500


def test_the_same_orchestrator_twice_is_told_apart(reports: list[Report]) -> None:
    names = matrix.of([reports[0], reports[0], reports[1]]).names
    assert len(set(names)) == 3
    assert names[0].startswith("sound 1.2.3, simulated")


def test_a_rule_of_a_later_suite_comes_last(reports: list[Report]) -> None:
    later = reports[0].rules[0].model_copy(update={"id": "AAA-1"})
    newer = reports[0].model_copy(update={"rules": [later, *reports[0].rules]})
    table = matrix.of([newer, reports[1]])
    assert table.rows[-1].rule.id == "AAA-1"
    assert table.rows[-1].cells == ["holds", "unknown"]


@pytest.fixture
def paths(reports: list[Report], tmp_path: Path) -> list[str]:
    """The reports as files."""
    for made in reports:
        files.write(made, tmp_path / made.subject.flavor)
    return [str(tmp_path / made.subject.flavor / "report.json") for made in reports]


def test_in_the_terminal(paths: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "zenml_conformance", "compare", *paths],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert ["RES-1", "MUST", "holds", "broken", "unknown"] in [
        line.split() for line in done.stdout.splitlines()
    ]
    assert "the suite that judged old lacks RES-1" in done.stdout


def test_as_documents(paths: list[str], tmp_path: Path) -> None:
    targets = {name: tmp_path / f"matrix.{name}" for name in ("markdown", "html")}
    options = [f"--{name}={path}" for name, path in targets.items()]
    assert main(["compare", *paths, *options]) == 0
    assert "| RES-1 (MUST) | ✓ | **✗ broken** | ? |" in targets["markdown"].read_text()
    assert "The suite that judged old lacks RES-1." in targets["html"].read_text()


def test_what_is_no_report_is_named(paths: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    Path(paths[1]).write_text("{}")
    assert main(["compare", *paths]) == 2
    assert f"{paths[1]} is no report of this suite" in capsys.readouterr().err
