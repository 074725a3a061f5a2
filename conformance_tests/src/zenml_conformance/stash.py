"""What the hooks of a session that judges keep in pytest's stash for each other."""

from __future__ import annotations

import pytest

from zenml_conformance.conductor import Conductor
from zenml_conformance.description import Description
from zenml_conformance.judge import Judge
from zenml_conformance.options import Options
from zenml_conformance.prove.proof import Proof
from zenml_conformance.report.model import Report
from zenml_conformance.result import Result
from zenml_conformance.rule import Outcome
from zenml_conformance.terms import Terms

conductor_key = pytest.StashKey[Conductor]()
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
