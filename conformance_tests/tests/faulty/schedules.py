"""Faults of schedules: what is never fired, fired wrongly, or fired for ever."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from zenml.orchestrators import BaseOrchestrator, SubmissionResult
from zenml.orchestrators.exceptions import PipelineSubmissionError

from faulty.fault import BOTH, breaks, fake_backend
from zenml_conformance.core.job_factory import JobFactory
from zenml_conformance.core.jobs import FIRING
from zenml_conformance.protocol import EngineError
from zenml_conformance.reference.orchestrator import ReferenceOrchestrator

if TYPE_CHECKING:
    from zenml.models import (
        PipelineRunResponse,
        PipelineSnapshotResponse,
        ScheduleResponse,
        ScheduleUpdate,
    )

    from zenml_conformance.core.jobs import Job


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

    def cron(self, schedule: ScheduleResponse) -> str:
        super().cron(schedule)
        return "0 0 * * *"


@breaks("SCHED-2", scenarios=("schedule_kinds",))
class IgnoresTheEnd(ReferenceOrchestrator):
    """A schedule's end is passed over: it fires for ever."""

    def cron(self, schedule: ScheduleResponse) -> str:
        cron = schedule.cron_expression
        return cron if cron and schedule.end_time else super().cron(schedule)


@breaks("SCHED-2", scenarios=("schedule_kinds",))
class OneFiringBecomesMany(ReferenceOrchestrator):
    """What is to be run once is run every hour."""

    def cron(self, schedule: ScheduleResponse) -> str:
        return "0 * * * *" if schedule.run_once_start_time else super().cron(schedule)


@breaks("SCHED-2", scenarios=("schedule_kinds",))
class RefusesWithAnotherException(ReferenceOrchestrator):
    """What can't be kept is refused, and its record stays in ZenML's store."""

    def submit_schedule(self, *arguments: Any) -> SubmissionResult | None:
        try:
            return super().submit_schedule(*arguments)
        except PipelineSubmissionError as error:
            if isinstance(error.__cause__, ValueError):
                raise error.__cause__ from None
            raise


@breaks("SUB-3", scenarios=("schedule_kinds",))
class RefusalAsItComes(ReferenceOrchestrator):
    """The backend's refusal reaches ZenML as the backend's client words it."""

    def submit_schedule(self, *arguments: Any) -> SubmissionResult | None:
        try:
            return super().submit_schedule(*arguments)
        except PipelineSubmissionError as error:
            if isinstance(error.__cause__, EngineError):
                raise error.__cause__ from None
            raise


@breaks("SUB-3", scenarios=("schedule_kinds",))
class RefusalSwallowed(ReferenceOrchestrator):
    """The backend's refusal is logged, and the schedule is taken for made."""

    def submit_schedule(self, *arguments: Any) -> SubmissionResult | None:
        try:
            return super().submit_schedule(*arguments)
        except PipelineSubmissionError as error:
            if isinstance(error.__cause__, EngineError):
                return SubmissionResult()
            raise


@breaks("SCHED-3", topologies=BOTH)
class IdFixedInTheSchedule(ReferenceOrchestrator):
    """All firings of a schedule have the id that was chosen when it was made."""

    def new_run_id(
        self, snapshot: PipelineSnapshotResponse, placeholder_run: PipelineRunResponse | None
    ) -> str:
        if snapshot.schedule:
            return str(snapshot.schedule.id)
        return super().new_run_id(snapshot, placeholder_run)


@breaks("SCHED-3")
class FiringWithoutItsEnvironment(JobFactory):
    """The fired job does not find ZenML's store."""

    def control(self, role: str, environment: Mapping[str, str]) -> Job:
        job = super().control(role, environment)
        kept = {k: v for k, v in job.environment.items() if not k.startswith("ZENML_")}
        return replace(job, environment=kept) if role == FIRING else job


@breaks("SCHED-4")
class UpdateNobodyHearsOf(ReferenceOrchestrator):
    """An update looks the schedule up, and leaves it as it is."""

    def update_schedule(self, schedule: ScheduleResponse, update: ScheduleUpdate) -> None:
        self.backend_schedule(schedule)


@breaks("SCHED-4")
class UpdateAddsASchedule(ReferenceOrchestrator):
    """An update makes a new schedule beside the old one."""

    def update_schedule(self, schedule: ScheduleResponse, update: ScheduleUpdate) -> None:
        assert update.cron_expression
        self.backend.schedule(self.firing(schedule), update.cron_expression)

    def delete_schedule(self, schedule: ScheduleResponse) -> None:
        for record in fake_backend(self).schedules():
            self.backend.unschedule(record.id)


@breaks("SCHED-6", scenarios=("scheduled", "inspection"))
class DeletesNothing(ReferenceOrchestrator):
    """There is no deletion: ZenML forgets the schedule, and the backend does not."""

    delete_schedule = BaseOrchestrator.delete_schedule


@breaks("SCHED-5", scenarios=("schedule_kinds",))
class DeletionInsists(ReferenceOrchestrator):
    """What is gone can't be deleted, says the backend, and so does the orchestrator."""

    def delete_schedule(self, schedule: ScheduleResponse) -> None:
        schedule_id = self.backend_schedule(schedule)
        assert schedule_id
        fake_backend(self).unschedule(schedule_id)
