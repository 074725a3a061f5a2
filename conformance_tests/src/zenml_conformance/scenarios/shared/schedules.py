"""Pipelines that are submitted with a schedule. The backend's clock is the scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from zenml_conformance.context.evidence import Raised
from zenml_conformance.scenarios.shared.decorators import pipeline
from zenml_conformance.scenarios.shared.steps import sink, source

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext
    from zenml_conformance.fake_backend.client import FakeBackend

CRON = "*/5 * * * *"
"""What schedules are made with."""


class Scheduling(BaseModel):
    """What came of a submission with a schedule.

    Attributes:
        raised: What the client raised.
        made: The cron expressions of what the backend was asked to keep for it.
        rows: How many schedules ZenML had more than before.
    """

    raised: Raised | None
    made: list[str]
    rows: int


@pipeline(enable_cache=False)
def scheduled(probes: str) -> None:
    """What is fired again and again."""
    sink(probes, source(probes))


def kept(backend: FakeBackend) -> list[str]:
    """Give the cron expressions that the backend keeps.

    Args:
        backend: The backend.

    Returns:
        The expressions, the oldest first.
    """
    return [record.cron for record in backend.schedules() if not record.deleted]


def submit(
    context: ScenarioContext, backend: FakeBackend, label: str, **schedule: Any
) -> Scheduling:
    """Submit a pipeline with a schedule, and see what is left of it.

    Args:
        context: The scenario's bench.
        backend: Its backend.
        label: What to call the submission.
        **schedule: Fields of ZenML's `Schedule`.

    Returns:
        What came of it.
    """
    from zenml_conformance.context import zenml_store

    before, rows = len(kept(backend)), zenml_store.schedule_rows()
    submission = context.submit(label, scheduled, how="on_schedule", schedule=schedule)
    return Scheduling(
        raised=submission.raised,
        made=kept(backend)[before:],
        rows=zenml_store.schedule_rows() - rows,
    )
