"""Why a session fails: what is out of order, waivers that don't count, regressions."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from samples import MUSTS, TODAY, outcomes, report, waiver
from zenml_conformance.contract.rule import Level, Status
from zenml_conformance.contract.rules import RULES
from zenml_conformance.judging.terms import Terms
from zenml_conformance.report import baseline, files
from zenml_conformance.session.result import conclude

SHOULD = next(rule.id for rule in RULES.values() if rule.level is Level.SHOULD)


def problems(changed: dict[str, Status], strict: bool = False) -> list[str]:
    return conclude(outcomes(changed), Terms(today=TODAY), strict=strict).problems


def test_what_is_in_order_fails_nothing() -> None:
    assert problems({}) == []


@pytest.mark.parametrize("rule", [MUSTS[0], SHOULD])
@pytest.mark.parametrize("status", [Status.FAILED, Status.ERROR, Status.BLOCKED])
def test_what_is_out_of_order_fails_the_session(rule: str, status: Status) -> None:
    (problem,) = problems({rule: status})
    assert rule in problem


@pytest.mark.parametrize(
    "status", [Status.NOT_SEEN, Status.NOT_APPLICABLE, Status.WAIVED, Status.PASSED]
)
def test_what_is_excused_fails_nothing(status: Status) -> None:
    assert problems({MUSTS[0]: status}) == []


def test_a_must_that_was_not_reached_fails_and_a_should_does_not() -> None:
    assert problems({MUSTS[0]: Status.NOT_REACHED})
    assert problems({SHOULD: Status.NOT_REACHED}) == []


def test_strict_wants_nothing_but_conformance() -> None:
    assert problems({MUSTS[0]: Status.NOT_SEEN}, strict=True) == [
        "--conformance-strict: the verdict is partial"
    ]
    assert problems({}, strict=True) == []


def test_each_bad_waiver_is_said() -> None:
    waivers = [waiver("NOSUCH-1"), waiver("RES-1"), waiver("SUB-1", expires=TODAY - timedelta(1))]
    terms = Terms(waivers={w.rule: w for w in waivers}, today=TODAY)
    said = conclude(outcomes(), terms).problems
    assert len(said) == 3
    for words in ("NOSUCH-1 matches no rule", "RES-1 is not needed", "SUB-1 expired"):
        assert any(words in problem for problem in said)


def test_against_a_baseline_only_regressions_count(tmp_path: Path) -> None:
    before = report(tmp_path, {"RES-1": Status.FAILED, "SUB-1": Status.FAILED})
    now = outcomes({"RES-1": Status.FAILED, "RUNID-1": Status.FAILED})
    result = conclude(now, Terms(today=TODAY), before=before)
    assert result.change is not None
    assert result.change.fixed == ["SUB-1"]
    assert result.change.broken == ["RUNID-1"]
    assert result.problems == ["not in order, and it was in the baseline: RUNID-1"]


def test_what_was_broken_already_fails_nothing(tmp_path: Path) -> None:
    before = report(tmp_path, {"RES-1": Status.FAILED, "RES-2": Status.BLOCKED})
    now = outcomes({"RES-1": Status.ERROR, "RES-2": Status.FAILED})
    assert conclude(now, Terms(today=TODAY), before=before).problems == []
    assert baseline.broken_in(before) == {"RES-1", "RES-2"}


@pytest.mark.parametrize("then", [Status.NOT_APPLICABLE, Status.NOT_SEEN, Status.PASSED])
@pytest.mark.parametrize("now", [Status.FAILED, Status.ERROR, Status.BLOCKED])
def test_a_regression(then: Status, now: Status, tmp_path: Path) -> None:
    before = report(tmp_path, {"RES-1": then})
    assert baseline.compare(before, outcomes({"RES-1": now})).broken == ["RES-1"]


def test_what_the_baseline_did_not_judge_is_new_and_no_regression(tmp_path: Path) -> None:
    before = report(tmp_path, {"RES-2": Status.NOT_REACHED})
    older = before.model_copy(update={"rules": [r for r in before.rules if r.id != "RES-1"]})
    change = baseline.compare(older, outcomes({"RES-1": Status.FAILED}))
    assert change.broken == []
    assert change.new == ["RES-1", "RES-2"]


def test_what_is_judged_no_longer_is_said(tmp_path: Path) -> None:
    before = report(tmp_path)
    now = outcomes({"RES-2": Status.NOT_SEEN})
    del now["RES-1"]
    change = baseline.compare(before, now)
    assert change.gone == ["RES-1", "RES-2"]
    assert change.broken == []


def test_what_was_not_selected_is_no_change(tmp_path: Path) -> None:
    before = report(tmp_path)
    now = {"RES-2": outcomes({"RES-2": Status.NOT_SEEN})["RES-2"]}
    assert baseline.compare(before, now, selected=["RES-1", "RES-2"]).gone == ["RES-1", "RES-2"]


def test_a_baseline_is_a_report_of_the_same_orchestrator(tmp_path: Path) -> None:
    files.write(report(tmp_path), tmp_path)
    path = tmp_path / "report.json"
    before = baseline.read(path)
    baseline.refuse_other(before, "acme")
    with pytest.raises(baseline.BaselineError, match="flavor 'acme', and 'other' is judged"):
        baseline.refuse_other(before, "other")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "is no report of this suite"),
        ('{"results": []}', "is no report of this suite"),
        ('{"format": "junit"}', "format"),
        (None, "can't be read"),
    ],
)
def test_a_foreign_file_is_no_baseline(text: str | None, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(baseline.BaselineError, match=complaint):
        baseline.read(path)
