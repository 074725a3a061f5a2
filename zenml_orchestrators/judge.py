"""Judges one of ZenML's orchestrators."""

from __future__ import annotations

import os
import pkgutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from zenml_conformance.contract.rule import Tier
from zenml_conformance.report.model import read
from zenml_orchestrators.catalogue import Subject
from zenml_orchestrators.outcome import Outcomes, of

ROOT = Path(__file__).parents[1]
JUDGED = (0, 1)
"""pytest's exit codes: every rule holds, some do not."""


def judge(subject: Subject) -> Outcomes:
    """Judge an orchestrator.

    Args:
        subject: The orchestrator.

    Returns:
        The outcomes; those of the rules that are left to an emulation are among them.

    Raises:
        RuntimeError: If pytest could not judge.
    """
    outcomes = judge_by(subject, subject.rules)
    if subject.emulation is None:
        return outcomes
    return outcomes.joined(judge_by(subject.emulated, subject.without))


def judge_by(subject: Subject, rules: Sequence[str], *options: str) -> Outcomes:
    """Judge an orchestrator by some rules, in a pytest of its own.

    Args:
        subject: The orchestrator.
        rules: Areas and ids; empty: all of them.
        *options: More options for pytest.

    Returns:
        The outcomes.

    Raises:
        RuntimeError: If pytest could not judge.
    """
    surroundings: AbstractContextManager[dict[str, str]] = nullcontext({})
    if subject.surroundings:
        surroundings = pkgutil.resolve_name(subject.surroundings)()
    with surroundings as variables, tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "pytest", "-q", f"--orchestrator={subject.flavor}"]
        command += [f"--rootdir={directory}", f"--conformance-report={directory}"]
        if subject.tier != "static":
            command.append("--conformance-store=server")  # As teams have it; and SRV needs one.
        if subject.harness:
            command.append(f"--orchestrator-harness={subject.harness}")
        if subject.tier == "live":
            command.append("--conformance-tier=live")
        if subject.patience:
            command.append(f"--conformance-patience={subject.patience}")
        if rules:
            command.append(f"--conformance-rules={','.join(rules)}")
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        done = subprocess.run(
            [*command, *options],
            cwd=directory,
            env={**os.environ, "PYTHONPATH": path, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode not in JUDGED:
            words = (done.stdout + done.stderr)[-3000:]
            raise RuntimeError(f"{subject.flavor} could not be judged:\n{words}")
        report = read(Path(directory, "report.json"))
    # What was only looked at ran on no tier.
    return of(report, Tier.STATIC if subject.tier == "static" else report.subject.tier)
