"""`--prove`: faults that are put into the orchestrator under test itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from commands import run_pytest
from zenml_conformance.contract.rule import MUST, Outcome, Status
from zenml_conformance.contract.rules import RULES
from zenml_conformance.prove.mutant import Mutant
from zenml_conformance.prove.mutants import MUTANTS
from zenml_conformance.prove.proof import Catch, Proof, tally

STUBBORN = """
from zenml_conformance.reference.flavor import ReferenceOrchestratorFlavor
from zenml_conformance.reference.orchestrator import ReferenceOrchestrator


class CannotBeBroken(type(ReferenceOrchestrator)):
    def __setattr__(cls, name, value):
        if name != "get_orchestrator_run_id":
            super().__setattr__(name, value)


class Stubborn(ReferenceOrchestrator, metaclass=CannotBeBroken):
    pass


class StubbornFlavor(ReferenceOrchestratorFlavor):
    @property
    def name(self):
        return "stubborn"

    @property
    def implementation_class(self):
        return Stubborn
"""


def test_every_must_has_a_mutant_where_one_can_reach() -> None:
    aimed_at = {mutant.rule for mutant in MUTANTS.values()}
    musts = {rule.id for rule in RULES.values() if rule.level is MUST}
    out_of_reach = {rule.id for rule in RULES.values() if rule.needs_own_backend}
    assert musts - aimed_at == musts & out_of_reach


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=str)
def test_a_mutant_says_what_is_wrong_and_runs_what_its_rule_looks_at(mutant: Mutant) -> None:
    assert re.fullmatch(r"[A-Z`].{15,120}\.", mutant.fault)
    grounds, seen = [mutant.rule], set[str]()
    for rule in grounds:  # Grows: a fault may be seen by what the rule requires, too.
        seen.update(RULES[rule].scenarios)
        grounds += RULES[rule].requires
    assert set(mutant.scenarios) & set(RULES[mutant.rule].scenarios)
    assert seen.issuperset(mutant.scenarios)


@pytest.mark.parametrize(
    ("orchestrator", "rules"),
    [
        ("reference", ("RUNID-5", "PKG-5", "SUB-2", "ENV-2")),
        ("local", ("RUNID-2", "ENV-1")),
    ],
)
def test_faults_are_caught(tmp_path: Path, orchestrator: str, rules: tuple[str, ...]) -> None:
    done = run_pytest(
        tmp_path,
        f"--orchestrator={orchestrator}",
        "--prove",
        f"--conformance-rules={','.join(rules)}",
        "-n",
        "2",
    )
    assert done.returncode == 0, done.stdout
    for rule in rules:
        assert re.search(rf"^{rule} +caught ", done.stdout, re.MULTILINE), done.stdout
    assert f"\n{len(rules)} of {len(rules)} MUST rules that hold were shown to bite." in done.stdout


def test_a_fault_that_is_not_caught_fails_the_session(tmp_path: Path) -> None:
    (tmp_path / "stubborn.py").write_text(STUBBORN)
    done = run_pytest(
        tmp_path,
        "--orchestrator=stubborn:StubbornFlavor",
        "--orchestrator-harness=zenml_conformance.harness:SeamHarness",
        "--prove",
        "--conformance-rules=RUNID-5",
    )
    assert done.returncode == 1, done.stdout
    assert re.search(r"^RUNID-5 +NOT CAUGHT ", done.stdout, re.MULTILINE), done.stdout
    assert "RUNID-5 did not notice a fault that was put into the orchestrator" in done.stdout
    assert "\n0 of 1 MUST rules that hold were shown to bite." in done.stdout


def test_mutants_are_not_run_unasked(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, "--orchestrator=reference", "--collect-only", "-q")
    assert "test_conformance.py::test_rule[SUB-1]" in done.stdout
    assert "test_prove" not in done.stdout


def proof(rule: str, catch: Catch, holds: bool = True) -> Proof:
    return Proof(rule, "a_fault", "Something is wrong.", catch, "because", holds)


def test_a_rule_bites_when_no_fault_was_missed() -> None:
    seen = tally(
        [
            proof("ENV-1", Catch.MISSED),
            proof("SUB-1", Catch.CAUGHT),
            proof("SUB-1", Catch.NOT_RUN),
            proof("ENV-1", Catch.CAUGHT),
            proof("ENV-2", Catch.NOT_RUN),
            proof("ENV-3", Catch.BLOCKED),
            proof("DAG-1", Catch.NOT_RUN, holds=False),
        ],
        {rule: Outcome(rule, Status.PASSED) for rule in ("ENV-1", "PROC-1", "PROC-9")},
    )
    assert [row.rule for row in seen.rows] == ["SUB-1", "DAG-1", "ENV-1", "ENV-1", "ENV-2", "ENV-3"]
    assert seen.hold == ("SUB-1", "ENV-1", "ENV-2", "ENV-3", "PROC-1")
    assert seen.bite == ("SUB-1", "ENV-3")
    assert seen.unshown == ("ENV-2", "PROC-1")
    assert Proof.from_dict(seen.rows[0].to_dict()) == seen.rows[0]
