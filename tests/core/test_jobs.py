"""The seam's own promises."""

from __future__ import annotations

import re

import pytest

from zenml_conformance.core.jobs import Job, JobState
from zenml_conformance.core.names import job_name, label


@pytest.mark.parametrize("state", JobState)
def test_which_jobs_are_alive(state: JobState) -> None:
    """A job that the backend has forgotten counts as ended: it is gone for good."""
    assert state.is_ended == (state not in (JobState.QUEUED, JobState.RUNNING, JobState.HELD))


def test_a_printed_job_shows_no_secret() -> None:
    """The environment holds ZenML's token, and jobs end up in logs and tracebacks."""
    job = Job(name="a", command=("true",), environment={"ZENML_STORE_API_TOKEN": "s3cret"})
    assert "s3cret" not in repr(job)


@pytest.mark.parametrize(
    "text", ["train", "a" * 300, "Ünïcode ☃", "9 lives", "--x--", "", "a/b c:d", "$(rm -rf)"]
)
def test_names_are_valid_and_never_repeat(text: str) -> None:
    """Whatever pipelines and steps are called, schedulers accept the name of the job."""
    names = {job_name(text, text) for _ in range(50)}
    assert len(names) == 50
    assert all(re.fullmatch(r"[a-z][a-z0-9-]{0,62}", name) for name in names)
    assert re.fullmatch(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)?", label(text))


def test_a_name_tells_pipeline_and_step() -> None:
    """A person who lists the jobs of the system recognises them."""
    assert job_name("training", "load data").startswith("zenml-training-load-data-")
