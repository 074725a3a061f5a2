"""Ids and levels are frozen: reports, waivers and scripts refer to them.

A new rule is added here; none is ever renamed or removed.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from zenml_conformance.contract import rules
from zenml_conformance.contract.rule import MUST, SHOULD
from zenml_conformance.contract.rules import RULES
from zenml_conformance.judging.judge import scenarios_of
from zenml_conformance.scenarios import scenario

FROZEN = {
    "APP-1": MUST,
    "ART-1": MUST,
    "CACHE-1": MUST,
    "CACHE-2": MUST,
    "CACHE-3": MUST,
    "CONC-1": MUST,
    "DAG-1": MUST,
    "DAG-2": MUST,
    "DAG-3": MUST,
    "DAG-4": SHOULD,
    "DAG-5": MUST,
    "DAG-6": MUST,
    "DEAD-1": MUST,
    "DEAD-2": MUST,
    "DEAD-3": MUST,
    "DEAD-4": MUST,
    "DEAD-5": SHOULD,
    "DEAD-6": SHOULD,
    "DEAD-8": MUST,
    "DYN-1": MUST,
    "DYN-2": MUST,
    "DYN-3": MUST,
    "DYN-4": SHOULD,
    "DYN-5": MUST,
    "DYN-6": MUST,
    "DYN-7": MUST,
    "DYN-8": SHOULD,
    "DYN-9": MUST,
    "DYN-10": MUST,
    "DYN-11": SHOULD,
    "ENV-1": MUST,
    "ENV-2": MUST,
    "ENV-3": MUST,
    "ENV-4": SHOULD,
    "ENV-7": SHOULD,
    "HB-1": SHOULD,
    "HOOK-1": MUST,
    "ISO-1": MUST,
    "ISO-2": MUST,
    "ISO-3": MUST,
    "ISO-4": MUST,
    "ISO-5": MUST,
    "ISO-6": SHOULD,
    "ISO-7": MUST,
    "ISO-8": MUST,
    "ISO-9": MUST,
    "ISO-10": MUST,
    "ISO-11": SHOULD,
    "ISO-12": MUST,
    "ISO-13": MUST,
    "LOG-1": SHOULD,
    "META-1": MUST,
    "META-2": SHOULD,
    "META-3": MUST,
    "MODE-1": MUST,
    "MODE-4": MUST,
    "NAME-1": MUST,
    "NAME-2": MUST,
    "PKG-1": MUST,
    "PKG-2": SHOULD,
    "PKG-3": MUST,
    "PKG-4": MUST,
    "PKG-5": MUST,
    "PKG-6": MUST,
    "PROC-1": MUST,
    "PROC-2": MUST,
    "PROC-3": MUST,
    "PROC-4": MUST,
    "PROC-5": MUST,
    "PROC-6": SHOULD,
    "PROC-7": SHOULD,
    "PROC-8": SHOULD,
    "PROC-9": SHOULD,
    "RES-1": MUST,
    "RES-2": MUST,
    "RES-3": MUST,
    "RES-4": MUST,
    "RES-5": SHOULD,
    "RETRY-1": MUST,
    "RETRY-2": SHOULD,
    "RETRY-3": MUST,
    "RUNID-1": MUST,
    "RUNID-2": MUST,
    "RUNID-3": MUST,
    "RUNID-4": MUST,
    "RUNID-5": MUST,
    "RUNID-6": SHOULD,
    "SCHED-1": MUST,
    "SCHED-2": MUST,
    "SCHED-3": MUST,
    "SCHED-4": MUST,
    "SCHED-5": SHOULD,
    "SCHED-6": MUST,
    "SET-1": MUST,
    "SRV-1": MUST,
    "SRV-2": MUST,
    "SRV-3": SHOULD,
    "SRV-4": SHOULD,
    "SRV-5": SHOULD,
    "SRV-6": MUST,
    "STAT-1": MUST,
    "STAT-2": MUST,
    "STAT-3": MUST,
    "STAT-4": MUST,
    "STAT-5": MUST,
    "STOP-1": MUST,
    "STOP-2": MUST,
    "STOP-4": MUST,
    "STOP-5": SHOULD,
    "STOP-6": MUST,
    "STOP-7": SHOULD,
    "STOP-8": MUST,
    "SUB-1": MUST,
    "SUB-2": MUST,
    "SUB-3": MUST,
    "SUB-4": MUST,
    "SUB-5": SHOULD,
    "SUB-6": MUST,
    "SUB-7": MUST,
    "SUB-8": SHOULD,
    "SUB-9": SHOULD,
    "SUB-10": MUST,
    "SUB-11": SHOULD,
}


def test_ids_and_levels_are_frozen() -> None:
    assert {rule.id: rule.level for rule in RULES.values()} == FROZEN


@pytest.mark.parametrize("rule_id", FROZEN)
def test_what_a_rule_requires_exists_and_leads_to_an_end(rule_id: str) -> None:
    path = [rule_id]

    def walk(current: str) -> None:
        for required in RULES[current].requires:
            assert required not in path, f"{' > '.join(path)} > {required}"
            path.append(required)
            walk(required)
            path.pop()

    walk(rule_id)


def test_every_scenario_is_looked_at_by_a_rule() -> None:
    modules = {path.stem for path in Path(scenario.__file__).parent.glob("[!_]*.py")}
    scenarios = modules - {"main", "scenario"}
    assert {name for rule in RULES.values() for name in rule.scenarios} == scenarios
    assert set(scenario.SCENARIOS) == scenarios


def test_the_index_leads_to_every_rule() -> None:
    index = {
        (module, prefix)
        for module, prefixes in re.findall(r"^    (\w+) +([A-Z, ]+)$", rules.__doc__ or "", re.M)
        for prefix in prefixes.split(", ")
    }
    assert index == {
        (rule.check.__module__.rpartition(".")[2], rule.id.rpartition("-")[0])
        for rule in RULES.values()
    }


DECISIONS = Path(__file__).parents[2] / "docs" / "rule-decisions.md"


def test_every_candidate_is_decided_and_every_rule_is_explained() -> None:
    candidates, _, others = DECISIONS.read_text().partition("## Rules that were no candidates")
    rows = re.findall(
        r"^\| ([A-Z]+-\d+) \| \[?(rule|merged into|rejected)(.*)\|$", candidates, re.M
    )
    decided = {candidate: decision for candidate, decision, _ in rows}
    assert len(rows) == len(decided) == 100
    assert all(said.strip(" |") for _, decision, said in rows if decision != "rule")
    added = set(re.findall(r"^\| \[([A-Z]+-\d+)\]", others, re.M))
    chosen = {candidate for candidate, decision in decided.items() if decision == "rule"}
    assert chosen | added == set(RULES)
    assert not chosen & added
    assert set(re.findall(r"merged into \[([A-Z]+-\d+)\]", candidates)) <= chosen


@pytest.mark.parametrize(
    ("rules", "scenarios"),
    [
        (["PKG-6"], ["inspection"]),
        (["PKG-6", "SUB-1"], ["diamond", "inspection"]),
        (["SUB-9"], ["diamond", "inspection"]),  # It requires SUB-1.
        (["PKG-2"], ["cold_import", "diamond", "inspection"]),
    ],
)
def test_nothing_is_run_for_rules_that_look_at_classes_alone(
    rules: list[str], scenarios: list[str]
) -> None:
    assert sorted(scenarios_of(rules, jobs_are_seen=True)) == scenarios
