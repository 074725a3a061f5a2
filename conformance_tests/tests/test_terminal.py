"""What the terminal says, and leaves out."""

from __future__ import annotations

import re

from samples import TODAY, description, outcomes, waiver
from zenml_conformance.context.evidence import UnderClaim
from zenml_conformance.contract.rule import Capability, Outcome, Status
from zenml_conformance.judging.terms import Terms
from zenml_conformance.session.result import conclude
from zenml_conformance.session.terminal import summary

WIDTH = 80


def said(changed: dict[str, Status], *, colour: bool = False) -> str:
    """The summary of a session with two waivers, of which one matches nothing."""
    waivers = {name: waiver(name) for name in ("RES-1", "NO-1")}
    terms = Terms(waivers=waivers, today=TODAY)
    made = {rule: terms.apply(outcome) for rule, outcome in outcomes(changed).items()}
    found = [UnderClaim(capability="schedules", detail="one fired")]
    result = conclude(made, terms, [Capability.STOP], under_claims=found)
    return summary(result, description(), "simulated tier", WIDTH, colour=colour)


def test_everything_that_matters_is_said() -> None:
    text = said(
        {
            "RES-1": Status.FAILED,
            "DAG-1": Status.FAILED,
            "ENV-1": Status.NOT_SEEN,
            "ENV-2": Status.NOT_REACHED,
            "DAG-4": Status.NOT_APPLICABLE,
        }
    )
    for line in (
        r"static +non-conformant +\d+ of \d+ MUST rules that apply hold",
        r"resources +conformant, with 1 waiver +",
        r"  DAG-1    MUST   A step starts only after",
        r"  DAG-4: a reason of DAG-4",
        r"not reached: ENV-2",
        r"declared, and works: stopping runs",
        r"there, but not declared: schedules \(one fired\)",
        r"  RES-1    a reason \(an owner, until 2030-05-17\)",
        r"NON-CONFORMANT: \d+ of \d+ MUST rules that apply hold; broken: DAG-1; waived:\s+RES-1",
        r"  ! a MUST that was not reached in time: ENV-2",
        r"  ! the waiver for NO-1 matches no rule",
    ):
        assert re.search(f"^{line}", text, re.MULTILINE), line


def test_what_there_is_none_of_is_left_out() -> None:
    text = said({"RES-1": Status.FAILED})
    head = next(line for line in text.splitlines() if " hold " in line)
    assert head.split() == ["rules", "hold", "broken", "can't", "apply", "waived"]
    assert "not reached" not in text
    assert "blocked" not in text


def test_what_stands_on_a_waived_rule_is_told_to_need_a_waiver() -> None:
    made = outcomes({"RES-1": Status.WAIVED})
    made["RES-2"] = Outcome("RES-2", Status.BLOCKED, "a reason", "RES-1")
    text = summary(conclude(made, Terms(today=TODAY)), description(), "simulated tier", WIDTH)
    assert "blocked by RES-1 (waived; these need waivers of their own): RES-2" in text
    assert "INCONCLUSIVE: " in text


def test_of_a_rule_that_blocks_and_was_not_selected_all_is_said() -> None:
    """It has no test of its own that would say it."""
    made = {
        "ENV-1": Outcome("ENV-1", Status.BLOCKED, "it can't be judged before SUB-1 holds", "SUB-1"),
        "SUB-1": Outcome("SUB-1", Status.FAILED, "submit_pipeline returned 7"),
    }
    result = conclude(made, Terms(today=TODAY), selected=["ENV-1"])
    text = summary(result, description(), "simulated tier", WIDTH)
    told = text[text.index("blocked by SUB-1: ENV-1\n") :]
    for line in (
        "    Seen: submit_pipeline returned 7",
        "    Why:  ",
        "    Fix:  ",
        "NON-CONFORMANT (SELECTED RULES ONLY): 0 of 2 MUST rules that apply hold; broken:",
    ):
        assert f"\n{line}" in told, line
    assert "scheduling" not in text
    whole = summary(conclude(made, Terms(today=TODAY)), description(), "simulated tier", WIDTH)
    assert "Seen: submit_pipeline returned 7" not in whole


def test_no_line_is_wider_than_the_terminal() -> None:
    text = said(dict.fromkeys(list(outcomes())[::2], Status.FAILED))
    assert max(map(len, text.splitlines())) <= WIDTH


def test_colours_only_where_they_are_shown() -> None:
    assert "\x1b[" not in said({})
    assert "\x1b[1;31mNON-CONFORMANT\x1b[0m: " in said({"DAG-1": Status.FAILED}, colour=True)
