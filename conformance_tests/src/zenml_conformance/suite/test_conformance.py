"""Every rule of the contract, as a test."""

from __future__ import annotations

import pytest

from zenml_conformance.hooks import judge_in_test
from zenml_conformance.judge import Judge
from zenml_conformance.rules import RULES


@pytest.mark.parametrize("rule_id", list(RULES))
def test_rule(rule_id: str, conformance: Judge, request: pytest.FixtureRequest) -> None:
    """The rule holds."""
    judge_in_test(conformance, rule_id, request)
