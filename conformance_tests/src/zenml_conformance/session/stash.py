"""What the hooks of a session that judges keep in pytest's stash for each other."""

from __future__ import annotations

import pytest

from zenml_conformance.contract.rule import Outcome
from zenml_conformance.judging.description import Description
from zenml_conformance.judging.judge import Judge
from zenml_conformance.judging.runner import Runner
from zenml_conformance.judging.terms import Terms
from zenml_conformance.prove.proof import Proof
from zenml_conformance.report.model import Report
from zenml_conformance.session.options import Options
from zenml_conformance.session.result import Result

runner_key = pytest.StashKey[Runner]()
judge_key = pytest.StashKey[Judge]()
terms_key = pytest.StashKey[Terms]()
description_key = pytest.StashKey[Description]()
options_key = pytest.StashKey[Options]()
baseline_key = pytest.StashKey[Report]()
selected_key = pytest.StashKey[frozenset[str]]()
"""The rules that are left to be judged when pytest has selected tests."""
outcomes_key = pytest.StashKey[dict[str, Outcome]]()
proofs_key = pytest.StashKey[list[Proof]]()
result_key = pytest.StashKey[Result]()
report_key = pytest.StashKey[str]()
"""What became of the report, in words."""
