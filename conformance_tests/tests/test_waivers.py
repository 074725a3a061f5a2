"""Waivers excuse what they name, until they expire, and nothing that is in order."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from samples import TODAY, outcomes, waiver
from zenml_conformance.contract.rule import Outcome, Status
from zenml_conformance.judging.terms import Terms
from zenml_conformance.judging.waivers import WaiverError, WaiverState, excuse, ledger, read

ENTRY = "- {rule: RES-1, reason: no GPUs yet, owner: platform, expires: 2030-05-17}\n"


def written(directory: Path, text: str) -> Path:
    path = directory / "waivers.yaml"
    path.write_text(text)
    return path


def test_a_file_of_waivers(tmp_path: Path) -> None:
    (read_one,) = read(written(tmp_path, ENTRY))
    assert (read_one.rule, read_one.owner, read_one.expires) == ("RES-1", "platform", TODAY)
    assert read_one.issue is None


def test_an_empty_file_waives_nothing(tmp_path: Path) -> None:
    assert read(written(tmp_path, "# none any more\n")) == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: [", "it is no YAML"),
        ("rule: RES-1", "the file holds dict, not a list of waivers"),
        ("- RES-1", "waiver 1: 'RES-1': "),
        ("- {rule: RES-1, reason: r, owner: o}", r"waiver 1 \(RES-1\) lacks `expires`"),
        (
            ENTRY + "- {rule: SUB-1, reason: r, owner: o, expires: soon}",
            r"waiver 2 \(SUB-1\): expires='soon': ",
        ),
        (
            "- {rule: RES-1, reason: r, owner: o, expires: 2026-02-30}",
            r"expires='2026-02-30': there is no such day",
        ),
        ("- {rule: RES-1, reason: r, owner: o, expires: 20300101}", r"expires=20300101: it is no"),
        ("- {rule: RES-1, reason: r, owner: o, expires: '0'}", r"expires='0': it is no day"),
        ("- {rule: RES-1, reason: [no], owner: o, expires: 2030-01-01}", r"reason=\['no'\]: "),
        ("- {rule: RES-1, rule: RES-2}", "the key 'rule' is there twice"),
        ("\x00", "special characters"),
        ("- {rule: RES-1, reason: '  ', owner: o, expires: 2030-01-01}", r"reason='  ': "),
        (
            "- {rule: RES-1, reason: r, owner: o, expires: 2030-01-01, until: x}",
            "unknown field `until`; known are rule, reason, owner, expires, issue",
        ),
        (ENTRY + ENTRY, "RES-1 is waived twice"),
    ],
)
def test_what_is_no_waiver_is_refused_with_the_value(
    text: str, complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(WaiverError, match=complaint):
        read(written(tmp_path, text))


def test_words_are_kept_as_they_are_written(tmp_path: Path) -> None:
    entry = '- {rule: RES-1, reason: no, owner: "on\\e[31m", expires: 2030-05-17, issue: 12:30:45}'
    (read_one,) = read(written(tmp_path, entry))
    assert (read_one.reason, read_one.owner) == ("no", "on\\x1b[31m")
    assert read_one.issue == "12:30:45"


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WaiverError, match="can't be read"):
        read(tmp_path / "nosuch.yaml")


@pytest.mark.parametrize("status", Status)
def test_only_what_is_out_of_order_is_excused(status: Status) -> None:
    outcome = Outcome("RES-1", status, "seen")
    excused = excuse(outcome, {"RES-1": waiver("RES-1")}, TODAY)
    out_of_order = status in (Status.FAILED, Status.ERROR, Status.BLOCKED)
    assert excused.status is (Status.WAIVED if out_of_order else status)
    assert excused.detail == "seen"


def test_a_waiver_excuses_no_other_rule() -> None:
    outcome = Outcome("RES-2", Status.FAILED)
    assert excuse(outcome, {"RES-1": waiver("RES-1")}, TODAY) is outcome


@pytest.mark.parametrize(("days", "status"), [(0, Status.WAIVED), (1, Status.FAILED)])
def test_a_waiver_counts_until_the_end_of_its_last_day(days: int, status: Status) -> None:
    waivers = {"RES-1": waiver("RES-1", expires=TODAY)}
    outcome = excuse(Outcome("RES-1", Status.FAILED), waivers, TODAY + timedelta(days))
    assert outcome.status is status


@pytest.mark.parametrize(
    ("status", "state", "problem"),
    [
        (Status.WAIVED, WaiverState.IN_USE, None),
        (Status.PASSED, WaiverState.NOT_NEEDED, "is not needed: the rule holds"),
        (Status.NOT_APPLICABLE, WaiverState.NOT_NEEDED, "is not needed: the rule can't apply"),
        (Status.NOT_SEEN, WaiverState.NOT_JUDGED, None),
        (Status.NOT_REACHED, WaiverState.NOT_JUDGED, None),
    ],
)
def test_the_ledger(status: Status, state: WaiverState, problem: str | None) -> None:
    (entry,) = ledger([waiver("RES-1")], outcomes({"RES-1": status}), TODAY)
    assert entry.state is state
    assert (problem is None) == (entry.problem is None)
    assert (problem or "") in (entry.problem or "")


def test_a_rule_that_was_left_out_says_nothing_about_its_waiver() -> None:
    (entry,) = ledger([waiver("RES-1")], {}, TODAY)
    assert (entry.state, entry.problem) == (WaiverState.NOT_JUDGED, None)


@pytest.mark.parametrize("status", [Status.FAILED, Status.PASSED])
def test_an_expired_waiver_fails_whatever_the_rule_does(status: Status) -> None:
    expired = waiver("RES-1", expires=TODAY - timedelta(1))
    (entry,) = ledger([expired], outcomes({"RES-1": status}), TODAY)
    assert entry.state is WaiverState.EXPIRED
    assert "expired on 2030-05-16" in str(entry.problem)


def test_a_waiver_for_no_rule_fails_and_names_the_nearest() -> None:
    (entry,) = ledger([waiver("RES1")], outcomes(), TODAY)
    assert entry.state is WaiverState.UNMATCHED
    assert "Did you mean RES-1?" in str(entry.problem)


def test_what_stands_on_a_waived_rule_needs_a_waiver_of_its_own() -> None:
    terms = Terms(waivers={"RES-1": waiver("RES-1")}, today=TODAY)
    assert terms.apply(Outcome("RES-2", Status.BLOCKED, "", "RES-1")).status is Status.BLOCKED
    both = terms.model_copy(update={"waivers": {"RES-2": waiver("RES-2"), **terms.waivers}})
    assert both.apply(Outcome("RES-2", Status.BLOCKED, "", "RES-1")).status is Status.WAIVED


def test_terms_reach_a_worker_as_they_are() -> None:
    terms = Terms(
        waivers={"RES-1": waiver("RES-1")}, known=frozenset({"SUB-1"}), deadline=1.5, today=TODAY
    )
    assert Terms.model_validate_json(terms.model_dump_json()) == terms
