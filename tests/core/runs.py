"""Run pipelines, and read what the store says about them."""

from __future__ import annotations

from zenml.client import Client
from zenml.models import PipelineRunResponse
from zenml.pipelines.pipeline_definition import Pipeline

ASYNCHRONOUS = {"orchestrator": {"synchronous": False}}


def run(pipeline: Pipeline) -> PipelineRunResponse:
    """Run a pipeline; return its run as it is afterwards."""
    started = pipeline()
    assert started is not None
    return Client().get_pipeline_run(started.id)


def start(pipeline: Pipeline) -> PipelineRunResponse:
    """Run a pipeline without waiting for its end."""
    return run(pipeline.with_options(settings=ASYNCHRONOUS))


def last_run() -> PipelineRunResponse:
    """Read the run that was started last."""
    runs = Client().list_pipeline_runs(sort_by="desc:created", size=1)
    return Client().get_pipeline_run(runs.items[0].id)


def statuses(run: PipelineRunResponse) -> dict[str, str]:
    """Return the statuses of a run's steps, and that of the run under the empty name."""
    assert not run.in_progress
    return {"": run.status.value} | {name: step.status.value for name, step in run.steps.items()}
