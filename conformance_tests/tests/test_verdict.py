"""The verdict's arithmetic: nothing is green by omission."""

from __future__ import annotations

import pytest

from samples import MUSTS, outcomes
from zenml_conformance.contract.rule import Level, Profile, Status
from zenml_conformance.contract.rules import RULES
from zenml_conformance.judging.verdict import Kind, Verdict, reach

SHOULDS = [rule.id for rule in RULES.values() if rule.level is Level.SHOULD]
SCHEDULING = [rule.id for rule in RULES.values() if rule.profile is Profile.SCHEDULING]


def test_everything_holds() -> None:
    verdict = reach(outcomes())
    assert verdict.kind is Kind.CONFORMANT
    assert verdict.label == "conformant"
    assert verdict.reason == f"{len(MUSTS)} of {len(MUSTS)} MUST rules that apply hold"
    assert {standing.kind for standing in verdict.profiles.values()} == {Kind.CONFORMANT}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (Status.FAILED, Kind.NON_CONFORMANT),
        (Status.ERROR, Kind.INCONCLUSIVE),
        (Status.BLOCKED, Kind.INCONCLUSIVE),
        (Status.NOT_REACHED, Kind.INCONCLUSIVE),
        (Status.NOT_SEEN, Kind.PARTIAL),
        (Status.NOT_APPLICABLE, Kind.CONFORMANT),
        (Status.WAIVED, Kind.CONFORMANT),
    ],
)
def test_one_must_decides(status: Status, kind: Kind) -> None:
    verdict = reach(outcomes({"RUNID-1": status}))
    assert verdict.kind is kind
    apply = len(MUSTS) - (status is Status.NOT_APPLICABLE)
    assert f"{len(MUSTS) - 1} of {apply} MUST rules that apply hold" in verdict.reason
    assert verdict.profiles[RULES["RUNID-1"].profile].kind is kind
    others = {p for p in verdict.profiles if p is not RULES["RUNID-1"].profile}
    assert all(verdict.profiles[profile].kind is Kind.CONFORMANT for profile in others)


@pytest.mark.parametrize("status", Status)
def test_a_should_never_decides(status: Status) -> None:
    assert reach(outcomes({SHOULDS[0]: status})).kind is Kind.CONFORMANT


def test_a_must_that_was_not_judged_leaves_it_open() -> None:
    judged = outcomes()
    del judged["RUNID-1"]
    verdict = reach(judged)
    assert verdict.kind is Kind.INCONCLUSIVE
    assert "not judged: RUNID-1" in verdict.reason


def test_nothing_judged_is_inconclusive() -> None:
    assert reach({}).kind is Kind.INCONCLUSIVE


def test_nothing_that_applies_is_inconclusive() -> None:
    verdict = reach(outcomes(dict.fromkeys(RULES, Status.NOT_APPLICABLE)))
    assert verdict.kind is Kind.INCONCLUSIVE
    assert {standing.kind for standing in verdict.profiles.values()} == {Kind.NOT_CLAIMED}


def test_a_broken_must_outweighs_all_else() -> None:
    verdict = reach(
        outcomes(
            {
                "RUNID-1": Status.FAILED,
                "RUNID-2": Status.BLOCKED,
                "DAG-1": Status.ERROR,
                "DAG-2": Status.NOT_SEEN,
            }
        )
    )
    assert verdict.kind is Kind.NON_CONFORMANT
    assert "broken: RUNID-1; blocked: RUNID-2" in verdict.reason


def test_what_was_not_seen_does_not_hide_what_was_not_judged() -> None:
    verdict = reach(outcomes({"RUNID-1": Status.NOT_SEEN, "DAG-1": Status.ERROR}))
    assert verdict.kind is Kind.INCONCLUSIVE
    assert "DAG-1" in verdict.reason


def test_a_must_that_was_not_reached_is_named() -> None:
    verdict = reach(outcomes({"RUNID-1": Status.NOT_REACHED}))
    assert verdict.reason.endswith("; not reached in time: RUNID-1")


def test_waivers_are_part_of_the_claim() -> None:
    verdict = reach(outcomes({"RUNID-1": Status.WAIVED, SHOULDS[0]: Status.WAIVED}))
    assert verdict.label == "conformant, with 2 waivers"
    assert "waived: " in verdict.reason
    assert "RUNID-1" in verdict.reason
    assert SHOULDS[0] in verdict.reason


def test_no_waiver_makes_a_broken_rule_better() -> None:
    verdict = reach(outcomes({"RUNID-1": Status.WAIVED, "RUNID-2": Status.FAILED}))
    assert verdict.label == "non-conformant"


def test_a_profile_none_of_whose_musts_applies_is_not_claimed() -> None:
    verdict = reach(outcomes(dict.fromkeys(SCHEDULING, Status.NOT_APPLICABLE)))
    assert verdict.profiles[Profile.SCHEDULING].kind is Kind.NOT_CLAIMED
    assert verdict.kind is Kind.CONFORMANT


def test_a_profile_is_claimed_with_one_must_that_applies() -> None:
    changed = dict.fromkeys(SCHEDULING, Status.NOT_APPLICABLE)
    musts = [rule for rule in SCHEDULING if rule in MUSTS]
    changed[musts[0]] = Status.PASSED
    standing = reach(outcomes(changed)).profiles[Profile.SCHEDULING]
    assert standing.kind is Kind.CONFORMANT
    assert standing.figures == f"1 of 1 MUST rules that apply hold, {len(musts) - 1} can't apply"


def test_a_scope_leaves_the_rest_out_and_says_so() -> None:
    verdict = reach(outcomes({SCHEDULING[0]: Status.FAILED}), [Profile.RESOURCES, Profile.STATIC])
    assert verdict.kind is Kind.CONFORMANT
    assert verdict.reason.startswith("of static, resources alone, ")
    assert set(verdict.profiles) == {Profile.STATIC, Profile.RESOURCES}
    assert verdict.total == sum(
        rule.level is Level.MUST and rule.profile in verdict.scope for rule in RULES.values()
    )


def selection(*rules: str, changed: dict[str, Status] | None = None) -> Verdict:
    """The verdict on some rules alone."""
    made = outcomes(changed)
    return reach({rule: made[rule] for rule in rules}, selected=rules)


def test_a_selection_is_never_conformant_and_says_so() -> None:
    verdict = selection("ENV-1", "STOP-1", "STOP-5")
    assert verdict.kind is Kind.INCONCLUSIVE
    assert verdict.label == "inconclusive (selected rules only)"
    assert verdict.reason == (
        f"2 of 2 MUST rules that apply hold; {len(RULES) - 3} rules were not selected"
    )


def test_a_selection_of_all_rules_is_none() -> None:
    assert reach(outcomes(), selected=RULES.keys()) == reach(outcomes())


@pytest.mark.parametrize("without", [MUSTS[0], SHOULDS[0]])
def test_without_one_rule_nothing_is_conformant(without: str) -> None:
    verdict = selection(*(rule for rule in RULES if rule != without))
    assert verdict.kind is Kind.INCONCLUSIVE
    assert verdict.profiles[RULES[without].profile].kind is Kind.INCONCLUSIVE


@pytest.mark.parametrize("status", Status)
def test_no_status_makes_a_selection_conformant(status: Status) -> None:
    verdict = selection("ENV-1", changed={"ENV-1": status})
    expected = Kind.NON_CONFORMANT if status is Status.FAILED else Kind.INCONCLUSIVE
    assert verdict.kind is expected
    assert verdict.label == f"{expected.value} (selected rules only)"


def test_profiles_of_which_no_rule_is_selected_are_left_out() -> None:
    verdict = selection(*SCHEDULING, "ENV-1")
    assert set(verdict.profiles) == {Profile.STATIC, Profile.SCHEDULING}
    assert verdict.profiles[Profile.SCHEDULING].label == "conformant"  # It was judged as a whole.
    assert verdict.profiles[Profile.STATIC].label == "inconclusive (selected rules only)"


def test_a_selected_rule_that_was_not_judged_is_named() -> None:
    verdict = reach({"ENV-1": outcomes()["ENV-1"]}, selected=["ENV-1", "STOP-1"])
    assert "1 of 2 MUST rules that apply hold; not judged: STOP-1; " in verdict.reason


def test_a_rule_that_blocks_a_selected_one_counts() -> None:
    made = outcomes({"ENV-1": Status.BLOCKED, "SUB-1": Status.FAILED})
    verdict = reach({rule: made[rule] for rule in ("ENV-1", "SUB-1")}, selected=["ENV-1"])
    assert verdict.kind is Kind.NON_CONFORMANT
    assert verdict.blockers == ("SUB-1",)
    assert "broken: SUB-1; blocked: ENV-1" in verdict.reason


def test_a_rule_that_blocks_counts_whatever_its_profile() -> None:
    made = outcomes({"DYN-9": Status.BLOCKED, "SUB-1": Status.FAILED})
    dynamic = [rule.id for rule in RULES.values() if rule.profile is Profile.DYNAMIC]
    judged = {rule: made[rule] for rule in ("SUB-1", *dynamic)}
    verdict = reach(judged, [Profile.DYNAMIC], selected=dynamic)
    assert verdict.blockers == ("SUB-1",)
    assert verdict.label == "non-conformant"
    assert set(verdict.profiles) == {Profile.DYNAMIC}
    assert verdict.profiles[Profile.DYNAMIC].kind is Kind.INCONCLUSIVE


def test_rules_that_there_were_not_yet_do_not_count() -> None:
    older = [rule for rule in RULES.values() if rule.id != "ENV-1"]
    made = outcomes()
    del made["ENV-1"]
    assert reach(made).kind is Kind.INCONCLUSIVE
    assert reach(made, rules=older).kind is Kind.CONFORMANT


def test_the_profiles_add_up_to_the_whole() -> None:
    verdict = reach(outcomes({"SUB-4": Status.FAILED}))
    assert sum(standing.total for standing in verdict.profiles.values()) == verdict.total
    assert sum(standing.held for standing in verdict.profiles.values()) == verdict.held


def test_outcomes_are_in_the_order_of_the_specification() -> None:
    backwards = dict(reversed(outcomes().items()))
    assert list(reach(backwards).outcomes) == list(RULES)


def test_the_counts_add_up() -> None:
    verdict = reach(outcomes({"RUNID-1": Status.FAILED, "SUB-4": Status.NOT_APPLICABLE}))
    counts = verdict.count(Level.MUST)
    assert counts[Status.FAILED] == counts[Status.NOT_APPLICABLE] == 1
    assert sum(counts.values()) == len(MUSTS)
    assert sum(verdict.count(Level.SHOULD).values()) == len(SHOULDS)
