"""The verdict's arithmetic: nothing is green by omission."""

from __future__ import annotations

import pytest

from zenml_conformance.rule import Level, Outcome, Status
from zenml_conformance.rules import RULES
from zenml_conformance.verdict import Kind, reach

MUSTS = [rule.id for rule in RULES.values() if rule.level is Level.MUST]
SHOULDS = [rule.id for rule in RULES.values() if rule.level is Level.SHOULD]


def outcomes(**changed: Status) -> dict[str, Outcome]:
    """Every rule holds, but some (`RUNID_1` is RUNID-1)."""
    statuses = {rule_id: changed.get(rule_id.replace("-", "_"), Status.PASSED) for rule_id in RULES}
    return {rule_id: Outcome(rule_id, status) for rule_id, status in statuses.items()}


def test_everything_holds() -> None:
    verdict = reach(outcomes())
    assert verdict.kind is Kind.CONFORMANT
    assert verdict.reason == f"{len(MUSTS)} of {len(MUSTS)} MUST rules hold"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (Status.FAILED, Kind.NON_CONFORMANT),
        (Status.ERROR, Kind.INCONCLUSIVE),
        (Status.BLOCKED, Kind.INCONCLUSIVE),
        (Status.NOT_SEEN, Kind.PARTIAL),
        (Status.NOT_APPLICABLE, Kind.CONFORMANT),
    ],
)
def test_one_must_decides(status: Status, kind: Kind) -> None:
    verdict = reach(outcomes(RUNID_1=status))
    assert verdict.kind is kind
    assert f"{len(MUSTS) - 1} of {len(MUSTS)} MUST rules hold" in verdict.reason


@pytest.mark.parametrize("status", Status)
def test_a_should_never_decides(status: Status) -> None:
    assert reach(outcomes(**{SHOULDS[0].replace("-", "_"): status})).kind is Kind.CONFORMANT


def test_a_must_that_was_not_judged_leaves_it_open() -> None:
    judged = outcomes()
    del judged["RUNID-1"]
    verdict = reach(judged)
    assert verdict.kind is Kind.INCONCLUSIVE
    assert "RUNID-1" in verdict.reason


def test_nothing_judged_is_inconclusive() -> None:
    assert reach({}).kind is Kind.INCONCLUSIVE


def test_a_broken_must_outweighs_all_else() -> None:
    verdict = reach(
        outcomes(
            RUNID_1=Status.FAILED,
            RUNID_2=Status.BLOCKED,
            DAG_1=Status.ERROR,
            DAG_2=Status.NOT_SEEN,
        )
    )
    assert verdict.kind is Kind.NON_CONFORMANT
    assert "broken: RUNID-1; blocked: RUNID-2" in verdict.reason


def test_what_was_not_seen_does_not_hide_what_was_not_judged() -> None:
    verdict = reach(outcomes(RUNID_1=Status.NOT_SEEN, DAG_1=Status.ERROR))
    assert verdict.kind is Kind.INCONCLUSIVE
    assert "DAG-1" in verdict.reason


def test_outcomes_are_in_the_order_of_the_specification() -> None:
    backwards = dict(reversed(outcomes().items()))
    assert list(reach(backwards).outcomes) == list(RULES)


def test_the_counts_add_up() -> None:
    verdict = reach(outcomes(RUNID_1=Status.FAILED, SUB_4=Status.NOT_APPLICABLE))
    counts = verdict.count(Level.MUST)
    assert counts[Status.FAILED] == counts[Status.NOT_APPLICABLE] == 1
    assert sum(counts.values()) == len(MUSTS)
    assert sum(verdict.count(Level.SHOULD).values()) == len(SHOULDS)
