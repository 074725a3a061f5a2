"""Faults of schedules: what is never fired, fired wrongly, or fired for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml.orchestrators import BaseOrchestrator, SubmissionResult
from zenml.orchestrators.exceptions import PipelineSubmissionError

from faulty.former import BOTH, breaks
from zenml_conformance.former_reference.orchestrator import ReferenceOrchestrator

if TYPE_CHECKING:
    from zenml.models import (
        PipelineRunResponse,
        PipelineSnapshotResponse,
        ScheduleResponse,
        ScheduleUpdate,
    )


@breaks("SUB-7")
class NeedsAPlaceholder(ReferenceOrchestrator):
    """The placeholder run is asked for its id, and there is none."""

    def submit_pipeline(self, *arguments: Any, **keywords: Any) -> SubmissionResult | None:
        assert keywords["placeholder_run"].id
        return super().submit_pipeline(*arguments, **keywords)


@breaks("SCHED-1", topologies=BOTH)
class RunsOnceInstead(ReferenceOrchestrator):
    """A pipeline with a schedule is run at once, and never again."""

    def submit_pipeline(self, *arguments: Any, **keywords: Any) -> SubmissionResult | None:
        without = keywords["snapshot"].model_copy(deep=True)
        without.resources.schedule = None
        return super().submit_pipeline(*arguments, **{**keywords, "snapshot": without})


@breaks("SCHED-1")
class SchedulesAnotherTime(ReferenceOrchestrator):
    """Every schedule becomes a daily one."""

    def cron_of(self, schedule: ScheduleResponse) -> str:
        return "0 0 * * *"


@breaks("SCHED-2", scenarios=("schedule_kinds",))
class IgnoresTheEnd(ReferenceOrchestrator):
    """A schedule's end is passed over: it fires for ever."""

    def check_schedule(self, schedule: ScheduleResponse) -> None:
        if not schedule.end_time:
            super().check_schedule(schedule)


@breaks("SCHED-2", scenarios=("schedule_kinds",))
class OneFiringBecomesMany(ReferenceOrchestrator):
    """What is to be run once is run every hour."""

    def check_schedule(self, schedule: ScheduleResponse) -> None:
        if not schedule.run_once_start_time:
            super().check_schedule(schedule)

    def cron_of(self, schedule: ScheduleResponse) -> str:
        return "0 * * * *" if schedule.run_once_start_time else super().cron_of(schedule)


@breaks("SCHED-2", scenarios=("schedule_kinds",))
class RefusesWithAnotherException(ReferenceOrchestrator):
    """What can't be kept is refused, and its record stays in ZenML's store."""

    def check_schedule(self, schedule: ScheduleResponse) -> None:
        try:
            super().check_schedule(schedule)
        except PipelineSubmissionError as error:
            raise ValueError(str(error)) from error


@breaks("SUB-3", scenarios=("schedule_kinds",))
class RefusalAsItComes(ReferenceOrchestrator):
    """The backend's refusal reaches ZenML as the backend's client words it."""

    def submit_schedule(self, *arguments: Any) -> SubmissionResult | None:
        try:
            return super().submit_schedule(*arguments)
        except PipelineSubmissionError as error:
            raise error.__cause__ or error from None


@breaks("SUB-3", scenarios=("schedule_kinds",))
class RefusalSwallowed(ReferenceOrchestrator):
    """The backend's refusal is logged, and the schedule is taken for made."""

    def submit_schedule(self, *arguments: Any) -> SubmissionResult | None:
        try:
            return super().submit_schedule(*arguments)
        except PipelineSubmissionError as error:
            if error.__cause__ is None:  # What the orchestrator itself refuses.
                raise
            return None


@breaks("SCHED-3", topologies=BOTH)
class IdFixedInTheSchedule(ReferenceOrchestrator):
    """All firings of a schedule have the id that was chosen when it was made."""

    def new_run_id(
        self, snapshot: PipelineSnapshotResponse, placeholder: PipelineRunResponse | None
    ) -> str:
        if snapshot.schedule:
            return str(snapshot.schedule.id)
        return super().new_run_id(snapshot, placeholder)


@breaks("SCHED-3")
class FiringWithoutItsEnvironment(ReferenceOrchestrator):
    """The fired job does not find ZenML's store."""

    def machine_environment(self, environment: dict[str, str]) -> dict[str, str]:
        return {k: v for k, v in environment.items() if not k.startswith("ZENML_STORE_")}


@breaks("SCHED-4")
class UpdateNobodyHearsOf(ReferenceOrchestrator):
    """An update looks the schedule up, and leaves it as it is."""

    def update_schedule(self, schedule: ScheduleResponse, update: ScheduleUpdate) -> None:
        self.schedule_id(schedule)


@breaks("SCHED-4")
class UpdateAddsASchedule(ReferenceOrchestrator):
    """An update makes a new schedule beside the old one."""

    def update_schedule(self, schedule: ScheduleResponse, update: ScheduleUpdate) -> None:
        assert update.cron_expression
        old = self.schedule_id(schedule)
        job = next(record.job for record in self.backend.schedules() if record.id == old)
        self.backend.schedule(job, update.cron_expression)

    def delete_schedule(self, schedule: ScheduleResponse) -> None:
        for record in self.backend.schedules():
            if not record.deleted:
                self.backend.unschedule(record.id)


@breaks("SCHED-6", scenarios=("scheduled", "inspection"))
class DeletesNothing(ReferenceOrchestrator):
    """There is no deletion: ZenML forgets the schedule, and the backend does not."""

    delete_schedule = BaseOrchestrator.delete_schedule


@breaks("SCHED-5", scenarios=("schedule_kinds",))
class DeletionInsists(ReferenceOrchestrator):
    """What is gone can't be deleted, says the backend, and so does the orchestrator."""

    def delete_schedule(self, schedule: ScheduleResponse) -> None:
        self.backend.unschedule(self.schedule_id(schedule))
