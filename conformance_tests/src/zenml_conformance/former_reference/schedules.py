"""Schedules on the reference backend: jobs that it fires again and again by itself.

What is to be known of a schedule afterwards is in ZenML's store: it is changed and deleted by
processes that have not made it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from zenml.orchestrators import SubmissionResult
from zenml.orchestrators.exceptions import PipelineSubmissionError
from zenml.orchestrators.publish_utils import publish_schedule_metadata

from zenml_conformance.engine.protocol import EngineError
from zenml_conformance.fake_backend.jobs import Job
from zenml_conformance.former_reference.part import Part

if TYPE_CHECKING:
    from zenml.models import PipelineSnapshotResponse, ScheduleResponse, ScheduleUpdate

SCHEDULE_METADATA = "reference_schedule"
"""Schedule metadata: the id of the backend's schedule."""


class Schedules(Part):
    """The part of the reference orchestrator that keeps schedules."""

    def submit_schedule(
        self,
        snapshot: PipelineSnapshotResponse,
        schedule: ScheduleResponse,
        environment: dict[str, str],
    ) -> SubmissionResult | None:
        """Have the backend fire a pipeline: each firing is a job that submits a run."""
        self.check_schedule(schedule)
        job = self.firing_job(snapshot, environment)
        try:
            schedule_id = self.whole.backend.schedule(job, self.cron_of(schedule))
        except EngineError as error:
            # Only for this exception does ZenML take the schedule out of its store again.
            raise PipelineSubmissionError(f"The backend refuses the schedule: {error}") from error
        return SubmissionResult(metadata={SCHEDULE_METADATA: schedule_id})

    def check_schedule(self, schedule: ScheduleResponse) -> None:
        """Refuse what the backend can't keep: it knows cron expressions and nothing else."""
        asked = {
            "interval_second": schedule.interval_second,
            "run_once_start_time": schedule.run_once_start_time,
            "start_time": schedule.start_time,
            "end_time": schedule.end_time,
            "catchup": schedule.catchup or None,
        }
        if unkept := [name for name, value in asked.items() if value is not None]:
            raise PipelineSubmissionError(
                f"The reference backend keeps cron expressions only, not {', '.join(unkept)}."
            )

    def cron_of(self, schedule: ScheduleResponse) -> str:
        """When the backend is to fire."""
        assert schedule.cron_expression
        return schedule.cron_expression

    def firing_job(self, snapshot: PipelineSnapshotResponse, environment: dict[str, str]) -> Job:
        """What the backend submits at each firing."""
        return Job(
            name=self.whole.job_name(str(snapshot.id), "firing"),
            command=(sys.executable, "-m", f"{__package__}.firing", str(snapshot.id)),
            environment=self.whole.machine_environment(environment),
            labels={"role": "firing"},
        )

    def update_schedule(self, schedule: ScheduleResponse, update: ScheduleUpdate) -> None:
        """Put a new schedule in the place of the backend's."""
        if update.cron_expression:
            old = self.schedule_id(schedule)
            job = next(record.job for record in self.whole.backend.schedules() if record.id == old)
            new = self.whole.backend.schedule(job, update.cron_expression)
            publish_schedule_metadata(schedule.id, {self.id: {SCHEDULE_METADATA: new}})
            self.whole.backend.unschedule(old)

    def delete_schedule(self, schedule: ScheduleResponse) -> None:
        """Delete the backend's schedule, if it is still there."""
        known = {record.id for record in self.whole.backend.schedules() if not record.deleted}
        if (schedule_id := self.schedule_id(schedule)) in known:
            self.whole.backend.unschedule(schedule_id)

    def schedule_id(self, schedule: ScheduleResponse) -> str:
        """The backend's id of a schedule, from its metadata alone."""
        return str(schedule.run_metadata[SCHEDULE_METADATA])
