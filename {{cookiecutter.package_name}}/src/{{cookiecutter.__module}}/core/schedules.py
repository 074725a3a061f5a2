"""Schedules: the backend starts a job at set times, and that job begins a run (`firing.py`).

Where the backend keeps a schedule is registered with ZenML's record of it. So any process can
change or delete it.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from zenml.client import Client
from zenml.constants import ENV_ZENML_ACTIVE_STACK_ID
from zenml.logger import get_logger
from zenml.orchestrators import SubmissionResult
from zenml.orchestrators.exceptions import PipelineSubmissionError
from zenml.orchestrators.publish_utils import publish_schedule_metadata
from zenml.orchestrators.utils import get_config_environment_vars
from zenml.stack import Stack

from .jobs import FIRING, Job, JobBackend
from .monitoring import check_job
from .orchestrator import JobOrchestrator

if TYPE_CHECKING:
    from zenml.metadata.metadata_types import MetadataType
    from zenml.models import (
        PipelineRunResponse,
        PipelineSnapshotResponse,
        ScheduleResponse,
        ScheduleUpdate,
    )

logger = get_logger(__name__)

BACKEND_SCHEDULE = "backend_schedule"
SNAPSHOT = "snapshot_id"
SOURCE_ROOT = "source_root"

NOT_EXPRESSIBLE = ("start_time", "end_time", "interval_second", "run_once_start_time", "catchup")

CRON_FIELDS = (
    ("minute", 0, 59, ""),
    ("hour", 0, 23, ""),
    ("day of the month", 1, 31, ""),
    ("month", 1, 12, "jan feb mar apr may jun jul aug sep oct nov dec"),
    ("day of the week", 0, 7, "sun mon tue wed thu fri sat"),
)


class SchedulingBackend(JobBackend):
    """A backend whose system starts jobs at set times."""

    @abstractmethod
    def schedule(self, job: Job, cron: str) -> str:
        """Have a job started again and again, each time as if it were submitted.

        Args:
            job: The job.
            cron: When, in the five fields of cron.

        Returns:
            The id of the schedule, for `unschedule` in any other process.

        Raises:
            Exception: If the system did not take it. The error reaches the user.
        """

    @abstractmethod
    def unschedule(self, schedule_id: str) -> None:
        """Have a scheduled job started no more. Jobs that it has started go on.

        Does nothing to a schedule that is gone.

        Raises:
            Exception: If the system can't be asked just now.
        """


class ScheduledRuns(JobOrchestrator):
    """An orchestrator whose backend schedules. `is_schedulable` in `config.py` says so to ZenML."""

    @property
    @abstractmethod
    def backend(self) -> SchedulingBackend:
        """The system that runs the jobs."""

    def submit_schedule(
        self,
        snapshot: PipelineSnapshotResponse,
        stack: Stack,
        environment: dict[str, str],
        placeholder_run: PipelineRunResponse | None,
    ) -> SubmissionResult | None:
        """Have the backend begin runs of a pipeline at set times, if it has a schedule.

        Returns:
            What ZenML notes of the schedule; None for a run that is to begin now.

        Raises:
            PipelineSubmissionError: If the schedule can't be expressed, or the backend does not
                take it. On no other exception does ZenML delete its record.
        """
        schedule = snapshot.schedule
        if schedule is None or placeholder_run is not None:
            return None
        try:
            cron = self.cron(schedule)
            factory = self.job_factory(snapshot, stack, None)
            job = factory.control(FIRING, environment)
            check_job(self.backend, job)
            schedule_id = self.backend.schedule(job, cron)
        except Exception as error:
            raise PipelineSubmissionError(
                f"The schedule `{schedule.name}` has not been created. {error}"
            ) from error
        metadata: dict[str, MetadataType] = {
            BACKEND_SCHEDULE: schedule_id,
            SNAPSHOT: str(snapshot.id),
        }
        if factory.source_root:
            metadata[SOURCE_ROOT] = factory.source_root
        return SubmissionResult(metadata=metadata)

    def cron(self, schedule: ScheduleResponse) -> str:
        """Say when the backend is to begin runs.

        Raises:
            ValueError: If the schedule asks for more than a cron expression can say.
        """
        if asked := [name for name in NOT_EXPRESSIBLE if getattr(schedule, name)]:
            raise ValueError(
                f"It sets {', '.join(asked)}, and this orchestrator knows cron expressions only."
            )
        check_cron(schedule.cron_expression or "")
        return schedule.cron_expression or ""

    def update_schedule(self, schedule: ScheduleResponse, update: ScheduleUpdate) -> None:
        """Replace the backend's schedule by another, or by none while it is not active.

        Args:
            schedule: The schedule as it was.
            update: What is to change.

        Raises:
            Exception: If the backend does not take the new schedule, or does not give up the old
                one. ZenML keeps its record as it was then.
        """
        active = schedule.active if update.active is None else update.active
        cron = update.cron_expression or schedule.cron_expression or ""
        if (active, cron) == (schedule.active, schedule.cron_expression):
            return
        check_cron(cron)
        predecessor, successor = self.backend_schedule(schedule), None
        with ExitStack() as undo:
            if active:
                successor = self.backend.schedule(self.firing(schedule), cron)
                undo.callback(self.backend.unschedule, successor)
            self.register_schedule(schedule, successor)
            undo.callback(self.register_schedule, schedule, predecessor)
            if predecessor:
                self.backend.unschedule(predecessor)
            undo.pop_all()

    def delete_schedule(self, schedule: ScheduleResponse) -> None:
        """Have the backend begin no more runs.

        Raises:
            Exception: If the backend does not give it up. ZenML keeps its record then.
        """
        if schedule_id := self.backend_schedule(schedule):
            self.backend.unschedule(schedule_id)
        else:
            logger.warning("The backend has no schedule for `%s` to delete.", schedule.name)

    def backend_schedule(self, schedule: ScheduleResponse) -> str | None:
        """Look up the backend's id of a schedule; None if there is none."""
        schedule_id = schedule.run_metadata.get(BACKEND_SCHEDULE)
        return str(schedule_id) if schedule_id else None

    def register_schedule(self, schedule: ScheduleResponse, schedule_id: str | None) -> None:
        """Register the backend's id of a schedule; None if there is none."""
        publish_schedule_metadata(schedule.id, {self.id: {BACKEND_SCHEDULE: schedule_id or ""}})

    def firing(self, schedule: ScheduleResponse) -> Job:
        """Describe the scheduled job once more, wherever this process may be.

        Raises:
            RuntimeError: If the stack has been deleted.
        """
        metadata = schedule.run_metadata
        snapshot = Client().get_snapshot(str(metadata[SNAPSHOT]))
        if snapshot.stack is None:
            raise RuntimeError(
                f"The stack that schedule `{schedule.name}` runs on has been deleted."
            )
        environment, secrets = get_config_environment_vars(schedule_id=schedule.id)
        environment |= secrets
        # Not the stack that is active here.
        environment[ENV_ZENML_ACTIVE_STACK_ID] = str(snapshot.stack.id)
        source_root = metadata.get(SOURCE_ROOT)
        factory = replace(
            self.job_factory(snapshot, Stack.from_model(snapshot.stack), None),
            source_root=None if source_root is None else str(source_root),
        )
        return factory.control(FIRING, environment)


def check_cron(expression: str) -> None:
    """Refuse what is no cron expression: each scheduler would do something else with it.

    Args:
        expression: Minute, hour, day of the month, month, day of the week.

    Raises:
        ValueError: If it is not one; says where.
    """
    fields = expression.lower().split()
    if len(fields) != len(CRON_FIELDS):
        raise ValueError(
            f"{expression!r} is no cron expression: it takes {len(CRON_FIELDS)} fields, for example"
            " `30 6 * * 1-5`."
        )
    for field, (meaning, low, high, names) in zip(fields, CRON_FIELDS, strict=True):
        known = {str(value): value for value in range(low, high + 1)}
        known |= {f"{value:02}": value for value in range(low, high + 1)}
        known |= {name: low + position for position, name in enumerate(names.split())}
        for part in field.split(","):
            match = re.fullmatch(r"(?:\*|(\w+)(?:-(\w+))?)(?:/([1-9]\d*))?", part)
            first, last = (match[1] or str(low), match[2] or str(high)) if match else ("", "")
            if first not in known or last not in known or known[first] > known[last]:
                raise ValueError(f"{part!r} is no {meaning} in the cron expression {expression!r}.")
