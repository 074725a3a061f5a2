"""The id of the run that a process works for."""

from __future__ import annotations

from pathlib import Path

import pytest

from example_pkg.core.jobs import ORCHESTRATION, STEP
from example_pkg.core.run_id import RUN_ID_VARIABLE
from example_pkg.job_request import ROLE_VARIABLE
from example_pkg.job_run_id import (
    EXECUTION_VARIABLE,
    FILE_VARIABLE,
    JOB_VARIABLE,
    job_run_id,
)

VARIABLES = (RUN_ID_VARIABLE, EXECUTION_VARIABLE, JOB_VARIABLE, ROLE_VARIABLE)


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place of the file, with nothing there; no variable is set but the one that names it."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(FILE_VARIABLE, str(tmp_path / "run.json"))
    return tmp_path / "run.json"


def test_the_first_that_there_is(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each in its turn, from the last to the first."""
    monkeypatch.setenv(ROLE_VARIABLE, ORCHESTRATION)
    monkeypatch.setenv(JOB_VARIABLE, "a job")
    assert job_run_id() == "a job"
    file.write_text('{"executionArn": "an execution"}')
    assert job_run_id() == "an execution"
    file.write_text('{"run_id": "a run", "executionArn": "an execution"}')
    assert job_run_id() == "a run"
    monkeypatch.setenv(EXECUTION_VARIABLE, "another execution")
    assert job_run_id() == "another execution"
    monkeypatch.setenv(RUN_ID_VARIABLE, "ours")
    assert job_run_id() == "ours"


def test_a_step_s_job_is_not_its_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step has another one: the run would be split."""
    monkeypatch.setenv(ROLE_VARIABLE, STEP)
    monkeypatch.setenv(JOB_VARIABLE, "a job")
    with pytest.raises(RuntimeError, match="no run id"):
        job_run_id()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"run_id": ""}'])
def test_none(file: Path, content: str) -> None:
    """The message names what was looked for."""
    file.write_text(content)
    with pytest.raises(RuntimeError) as raised:
        job_run_id()
    for name in (RUN_ID_VARIABLE, EXECUTION_VARIABLE, str(file), FILE_VARIABLE):
        assert name in str(raised.value)
