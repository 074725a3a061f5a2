"""The job registry: which jobs belong to a run, kept with ZenML's records.

So any process finds them again: one that refreshes or stops a run, or that takes the place of a
coordinator which has died.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from zenml.client import Client
from zenml.logger import get_logger
from zenml.orchestrators.publish_utils import (
    publish_pipeline_run_metadata,
    publish_step_run_metadata,
)
from zenml.utils.pagination_utils import depaginate

if TYPE_CHECKING:
    from zenml.metadata.metadata_types import MetadataType
    from zenml.models import PipelineRunResponse, StepRunResponse

logger = get_logger(__name__)

CONTROL_JOB = "control_job"
"""Of a run: its control job."""

STEP_JOBS = "step_jobs"
"""Of the run of a static pipeline: the jobs of its steps by name. ZenML adds up what is published
of this; of all else it keeps the last."""

STEP_LOGS = "step_logs"
"""Of the run of a static pipeline: where the output of its steps goes, by name."""

STEP_JOB = "step_job"
"""Of an isolated step of a dynamic pipeline: its job."""

LOG_LOCATION = "log_location"
"""Of a run: where the output of its control job goes. Of an isolated step: where its own goes."""


@dataclass(frozen=True)
class StepJob:
    """The job of a step.

    Attributes:
        job_id: Id of the job.
        run_id: ZenML's id of the run, or child run, that the step belongs to.
        step: The step.
    """

    job_id: str
    run_id: UUID
    step: str


@dataclass(frozen=True)
class RunJobs:
    """The jobs of a run, as far as they have been submitted.

    Attributes:
        control: The control job; None if it has not been submitted yet.
        steps: The jobs of the steps, in the order of submission.
    """

    control: str | None
    steps: tuple[StepJob, ...]

    @property
    def ids(self) -> list[str]:
        """The ids of all jobs, that of the control job first and then the last step's."""
        steps = [step.job_id for step in reversed(self.steps)]
        return steps if self.control is None else [self.control, *steps]


def register_run_jobs(
    run_id: UUID,
    component_id: UUID,
    *,
    control: str | None = None,
    steps: Mapping[str, str] | None = None,
    logs: Mapping[str, str] | None = None,
) -> None:
    """Register jobs of a run that have been submitted: a failure here must not fail the run.

    Args:
        run_id: ZenML's id of the run.
        component_id: Id of the orchestrator.
        control: The control job.
        steps: The jobs of steps, by step.
        logs: Where their output goes, by step.
    """
    entries: dict[str, MetadataType] = {}
    if control:
        entries[CONTROL_JOB] = control
    if steps:
        entries[STEP_JOBS] = dict(steps)
    if logs:
        entries[STEP_LOGS] = dict(logs)
    try:
        if entries:
            publish_pipeline_run_metadata(run_id, {component_id: entries})
    except Exception:
        logger.exception("These jobs could not be registered: %s", entries)


def register_step_job(
    step_run_id: UUID, component_id: UUID, job_id: str, log: str | None = None
) -> None:
    """Register the job of an isolated step, and where its output goes."""
    entries: dict[str, MetadataType] = {STEP_JOB: job_id}
    if log:
        entries[LOG_LOCATION] = log
    publish_step_run_metadata(step_run_id, {component_id: entries})


def run_jobs(run: PipelineRunResponse) -> RunJobs:
    """Look up the jobs of a run, and of the runs that it has started.

    Args:
        run: The run, with its metadata.
    """
    control = run.run_metadata.get(CONTROL_JOB)
    registered = run.run_metadata.get(STEP_JOBS)
    steps = registered if isinstance(registered, dict) else {}
    return RunJobs(
        control=control if isinstance(control, str) else None,
        steps=(
            *(StepJob(str(job_id), run.id, name) for name, job_id in steps.items()),
            *(_isolated_step_jobs(run.id) if run.snapshot and run.snapshot.is_dynamic else ()),
        ),
    )


def isolated_step_job(step_run: StepRunResponse) -> str | None:
    """Look up the job of an isolated step.

    Args:
        step_run: The record of the step, with its metadata.

    Returns:
        The id of the job; None if none was submitted.
    """
    job_id = step_run.run_metadata.get(STEP_JOB)
    return job_id if isinstance(job_id, str) else None


def child_runs(run_id: UUID) -> list[PipelineRunResponse]:
    """Fetch the runs that a dynamic pipeline has started, without those that they have started."""
    return depaginate(Client().list_pipeline_runs, parent_run_id=run_id, hydrate=False)


def _isolated_step_jobs(run_id: UUID) -> list[StepJob]:
    records = depaginate(
        Client().list_run_steps, pipeline_run_id=run_id, exclude_retried=True, hydrate=True
    )
    jobs = [
        StepJob(job_id, run_id, record.name)
        for record in sorted(records, key=lambda record: record.created)
        if (job_id := isolated_step_job(record))
    ]
    for child in child_runs(run_id):
        jobs += _isolated_step_jobs(child.id)
    return jobs
