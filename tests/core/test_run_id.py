"""The run id."""

from __future__ import annotations

import pytest

from zenml_conformance.core.run_id import RUN_ID_VARIABLE, read_run_id


def test_a_job_reads_the_id_that_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment is the only source."""
    monkeypatch.setenv(RUN_ID_VARIABLE, "some-id")
    assert read_run_id() == "some-id"


@pytest.mark.parametrize("value", [None, ""])
def test_outside_a_job_there_is_no_id(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    """An id made up on the spot would split the run; the message names the variable."""
    monkeypatch.delenv(RUN_ID_VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(RUN_ID_VARIABLE, value)
    with pytest.raises(RuntimeError, match=RUN_ID_VARIABLE):
        read_run_id()
