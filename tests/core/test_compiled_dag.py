"""What the backend gets to know of a DAG that it takes as a whole."""

from __future__ import annotations

import pytest

from zenml_conformance.core import compiled_dag
from zenml_conformance.core.compiled_dag import CompiledDagTopology
from zenml_conformance.core.schedules import SchedulingBackend

from .inline_backend import InlineBackend
from .pipelines import broken_branch, diamond, pair
from .runs import last_run, run, statuses

pytestmark = pytest.mark.parametrize("topology", [CompiledDagTopology], indirect=True)


def test_every_edge_becomes_a_dependency_by_name(backend: InlineBackend) -> None:
    """The finalizer waits for all, in whatever way they end. All jobs can be found again."""
    ended = run(diamond)
    assert set(statuses(ended).values()) == {"completed"}
    step = {job.name: name for name, job in backend.steps().items()}
    edges = {
        name: {step[before] for before in job.depends_on} for name, job in backend.steps().items()
    }
    assert edges == {"one": set(), "left": {"one"}, "right": {"one"}, "last": {"left", "right"}}
    (finalizer,) = backend.control_jobs()
    assert set(finalizer.depends_on) == step.keys()
    assert finalizer.start_when == "ended"
    assert ended.run_metadata["step_jobs"] == {name: job for job, name in step.items()}
    assert ended.run_metadata["control_job"] == finalizer.name


def test_a_run_is_refused_as_a_whole(backend: InlineBackend) -> None:
    """Nothing of it is left, and the refusal reaches the user."""
    backend.refuse = {"last"}
    with pytest.raises(RuntimeError, match="the pipeline is not valid"):
        run(diamond)
    assert not backend.jobs
    assert not last_run().in_progress


def test_a_run_whose_answer_was_lost_is_not_submitted_twice(
    backend: InlineBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is found by the finalizer's name."""
    monkeypatch.setattr("zenml_conformance.core.outages.PAUSES_SECONDS", (0,))
    backend.lose = {"finalizer"}
    assert set(statuses(run(pair)).values()) == {"completed"}
    assert len(backend.jobs) == 3


def test_a_failed_branch(backend: InlineBackend) -> None:
    """What does not need it goes on."""
    ended = statuses(run(broken_branch))
    assert ended.items() >= {"": "failed", "fail": "failed", "other": "completed"}.items()
    assert set(ended) <= {"", "one", *backend.steps()}


def test_a_backend_that_takes_single_jobs_only(
    backend: InlineBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mistake is named, and nothing was submitted."""
    monkeypatch.setattr(compiled_dag, "DagBackend", type("Other", (SchedulingBackend,), {}))
    with pytest.raises(TypeError, match="InlineBackend can't take all jobs of a run at once"):
        run(pair)
    assert not backend.jobs
