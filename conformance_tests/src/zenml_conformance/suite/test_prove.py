"""Faults, put into the orchestrator under test: each must turn its rule red. For `--prove`."""

from __future__ import annotations

import pytest

from zenml_conformance.contract.rules import RULES
from zenml_conformance.prove.mutants import MUTANTS
from zenml_conformance.prove.prover import Prover
from zenml_conformance.session.prove import prove_in_test

IN_ORDER = [s for rule in RULES for s in MUTANTS.values() if s.rule == rule]


@pytest.mark.parametrize(
    ("rule_id", "name"), [(s.rule, s.name) for s in IN_ORDER], ids=map(str, IN_ORDER)
)
def test_fault_is_caught(
    rule_id: str, name: str, prover: Prover, request: pytest.FixtureRequest
) -> None:
    """The rule notices the fault."""
    prove_in_test(prover, name, request)
