"""Every rule of the contract, as a test."""

from __future__ import annotations

import pytest

from zenml_conformance.contract.rules import RULES
from zenml_conformance.judging.judge import Judge
from zenml_conformance.session.hooks import judge_in_test


@pytest.mark.parametrize("rule_id", list(RULES))
def test_rule(rule_id: str, conformance: Judge, request: pytest.FixtureRequest) -> None:
    """The rule holds."""
    judge_in_test(conformance, rule_id, request)
