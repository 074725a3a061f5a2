"""What the scenario's ZenML store says of runs, steps and schedules.

ZenML is imported by those who ask, not by those who only want to know which scenarios there are.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from zenml_conformance.context.evidence import Raised, RunRecord, StepLog, StepRecord

if TYPE_CHECKING:
    from zenml.client import Client
    from zenml.models import PipelineRunResponse, StepRunResponse


def runs() -> list[PipelineRunResponse]:
    """List every run, the oldest first.

    Returns:
        The runs. What its steps have put out is not read.
    """
    return list(_zenml().list_pipeline_runs(size=100, sort_by="asc:created", hydrate=True).items)


def find_run(run: str | None) -> PipelineRunResponse | None:
    """Find a run.

    Args:
        run: ZenML's id of it, if it is known.

    Returns:
        The run; None if there is no such run (any more).
    """
    return next((found for found in runs() if str(found.id) == run), None)


def records() -> list[RunRecord]:
    """Read all there is of every run, and load all that its steps have put out.

    A caller that only wants to know how a run is looks for less, with `find_run`.

    Returns:
        A record of each run, the oldest first.
    """
    return [
        RunRecord(
            id=str(run.id),
            pipeline=run.pipeline.name if run.pipeline else "",
            snapshot=str(run.snapshot.id) if run.snapshot else None,
            status=run.status.value,
            in_progress=run.in_progress,
            orchestrator_run_id=run.orchestrator_run_id,
            metadata={key: str(value) for key, value in run.run_metadata.items()},
            steps=[
                StepRecord(
                    name=step.name,
                    version=step.version,
                    status=step.status.value,
                    reason=_reason(step),
                    started=_seconds(step.start_time),
                    ended=_seconds(step.end_time),
                    outputs=_outputs(step),
                    user=step.user.name if step.user else None,
                )
                for step in _steps(pipeline_run_id=run.id, hydrate=True)
            ],
        )
        for run in runs()
    ]


def step_statuses(run: PipelineRunResponse) -> dict[str, str]:
    """Say how the steps of a run are.

    Args:
        run: The run.

    Returns:
        The status of each step that was recorded, by its name.
    """
    return {step.name: step.status.value for step in _steps(pipeline_run_id=run.id)}


def is_under_way() -> bool:
    """Say whether a run is in progress, as far as ZenML can read its own store.

    Returns:
        Whether one is; True when nobody can say.
    """
    try:
        return any(run.in_progress for run in runs())
    except ValidationError:
        return True


def progress(of: list[PipelineRunResponse]) -> list[Any]:
    """Give what changes in the store while runs get on.

    Args:
        of: Every run.

    Returns:
        Something that is the same again if, and only if, they have got nowhere.
    """
    return [
        *((run.id, run.status, str(run.run_metadata)) for run in of),
        *((step.id, step.status) for step in _steps()),
    ]


def step_log(step: str) -> StepLog:
    """Read what a step of the first run has printed from ZenML's log store, as a user does.

    Args:
        step: Its invocation id.

    Returns:
        What there is.
    """
    try:
        collected = runs()[0].steps[step].log_collection
        logs = next((logs for logs in collected or () if logs.source == "step"), None)
        if logs is None:
            return StepLog(raised="its record has no log")
        entries = _zenml().active_stack.log_store.fetch(logs, limit=1000)
    except Exception as error:
        return StepLog(raised=str(Raised.of(error)))
    return StepLog(text="\n".join(str(e.message) for e in entries.items))


def schedule_rows() -> int:
    """Count the schedules.

    Returns:
        How many there are.
    """
    return int(_zenml().list_schedules().total)


def _zenml() -> Client:
    from zenml.client import Client

    return Client()


def _steps(**which: Any) -> list[StepRunResponse]:
    """Every version of every step."""
    return list(_zenml().list_run_steps(size=200, exclude_retried=False, **which).items)


def _reason(step: StepRunResponse) -> str | None:
    info = step.exception_info
    return (info.message or info.traceback or None) if info else None


def _seconds(time: datetime | None) -> float | None:
    return time.timestamp() if time else None


def _outputs(step: StepRunResponse) -> dict[str, str | None]:
    outputs: dict[str, str | None] = {}
    for name, artifacts in step.outputs.items():
        try:
            for artifact in artifacts:
                artifact.load()
            outputs[name] = None
        except Exception as error:
            outputs[name] = str(Raised.of(error))
    return outputs
