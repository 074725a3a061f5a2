"""Schedules: runs that the backend fires by itself."""

from __future__ import annotations

import functools

from zenml_conformance.contract.rule import (
    MUST,
    SHOULD,
    Capability,
    NotSeen,
    Profile,
    Violation,
    rule,
)
from zenml_conformance.scenarios.schedule_kinds import INTERVAL, ScheduleKinds
from zenml_conformance.scenarios.scheduled import NEW_CRON, Scheduled
from zenml_conformance.scenarios.shared.schedules import CRON

schedule_rule = functools.partial(
    rule, needs_jobs=True, profile=Profile.SCHEDULING, capability=Capability.SCHEDULES, since="0.2"
)


@schedule_rule("SUB-7", MUST, requires=("SUB-1",), needs_jobs=False)
def a_schedule_comes_without_a_run(scheduled: Scheduled) -> None:
    """A scheduled pipeline is accepted without a placeholder run.

    Why: ZenML creates the placeholder of a run at submission, except for schedules
    (`zenml.pipelines.pipeline_definition`): `placeholder_run` is None, for there is no run yet.

    Fix: don't ask the placeholder for anything before you know that there is one.
    """
    if raised := scheduled.call.raised:
        raise Violation(f"submit_pipeline raised {raised}")


@schedule_rule("SCHED-1", MUST, requires=("SUB-7",))
def a_schedule_exists_in_the_backend(scheduled: Scheduled) -> None:
    """A scheduled pipeline becomes a recurring object of the backend, and is not run at once.

    Why: `is_schedulable` makes ZenML create the schedule's record before it submits. If the
    pipeline is then run once, or nothing is created, ZenML lists a schedule that nobody keeps.

    Fix: create the backend's own recurring job with the user's cron expression, and return its id
    as metadata; otherwise let `is_schedulable` be False. In a generated `backend.py`: have
    `schedule` pass on the cron expression, and start nothing now.
    """
    if not scheduled.schedules:
        jobs = f"; {len(scheduled.jobs)} job(s) were run at once" if scheduled.jobs else ""
        raise Violation(f"submission returned, and the backend has no schedule{jobs}")
    cron = scheduled.schedules[0].cron
    if cron != CRON:
        raise Violation(f"{CRON!r} was asked for; the backend has {cron!r}")
    if early := scheduled.jobs_before_firing:
        raise Violation(f"before the schedule had fired, {early} job(s) were run")


@schedule_rule("SCHED-2", MUST, requires=("SCHED-1",))
def what_cannot_be_kept_is_refused(schedule_kinds: ScheduleKinds) -> None:
    """A schedule that the backend can't express is refused, with `PipelineSubmissionError`.

    Why: ZenML has intervals, single firings, start and end times beside cron expressions
    (`zenml.config.schedule.Schedule`). What is ignored fires too often, for ever, or never; only
    `PipelineSubmissionError` takes the record out of ZenML's store again.

    Fix: look at every field of `snapshot.schedule` before you submit, and raise
    `PipelineSubmissionError` that names the ones you can't keep.
    """
    for kind, scheduling in schedule_kinds.kinds.items():
        if scheduling.raised is None:
            made = scheduling.made
            if kind != INTERVAL or not made:
                what = f"made {made}" if made else "was accepted, and made nothing"
                raise Violation(
                    f"a schedule with {kind} {what}: the backend knows cron expressions only"
                )
        elif scheduling.raised.type != "PipelineSubmissionError":
            raise Violation(
                f"a schedule with {kind} raised {scheduling.raised.type}, which is no "
                "PipelineSubmissionError"
            )


@schedule_rule("SUB-3", MUST, requires=("SUB-7",))
def a_refused_schedule_leaves_no_trace(schedule_kinds: ScheduleKinds) -> None:
    """When the backend refuses a schedule, `PipelineSubmissionError` is raised and no record stays.

    Why: the schedule's record is created before submission, and ZenML deletes it again for this
    exception alone (`BaseOrchestrator.run`). After any other, ZenML lists a schedule that the
    backend never had.

    Fix: `raise PipelineSubmissionError(…) from error` around everything that creates the backend's
    schedule. In a generated `backend.py`: have `schedule` raise.
    """
    turned_away = schedule_kinds.turned_away
    if not schedule_kinds.refused:
        raise NotSeen("the backend was asked for nothing that it could refuse")
    if turned_away.raised is None:
        raise Violation("the backend refused the schedule, and submission raised nothing")
    if turned_away.raised.type != "PipelineSubmissionError" or turned_away.rows:
        raise Violation(
            f"the backend refused the schedule; submission raised {turned_away.raised.type}, and "
            f"{turned_away.rows} record(s) of it stayed in ZenML's store"
        )


@schedule_rule("SCHED-3", MUST, requires=("SCHED-1",))
def each_firing_is_a_run(scheduled: Scheduled) -> None:
    """Each firing of a schedule is a run of its own, and completes.

    Why: all firings share a snapshot, and a snapshot's runs differ by their run id alone
    (`PipelineRunSchema`). An id that was fixed when the schedule was made fits the first firing;
    the steps of the second collide with it (`EntityExistsError`).

    Fix: make the run id in the fired job, or take the backend's id of the execution. In a generated
    `backend.py`: have each firing start the whole job, with its environment.
    """
    ids = {run.orchestrator_run_id for run in scheduled.runs}
    if (
        len(scheduled.runs) != 2
        or len(ids) != 2
        or {r.status for r in scheduled.runs} - {"completed"}
    ):
        runs = ", ".join(f"{run.orchestrator_run_id!r} ({run.status})" for run in scheduled.runs)
        raise Violation(f"two firings of one schedule gave the runs {runs or 'none'}")


@schedule_rule("SCHED-4", MUST, requires=("SCHED-1",), capability=Capability.SCHEDULE_UPDATES)
def an_update_reaches_the_backend(scheduled: Scheduled) -> None:
    """Updating a schedule changes the backend's own, from another process.

    Why: ZenML calls `update_schedule` on a fresh instance and then changes its record
    (`Client.update_schedule`). If the backend's object is not found or not changed, ZenML shows
    one time and the backend keeps another.

    Fix: return the backend's id as metadata when the schedule is made, and read it from
    `schedule.run_metadata`; raise when it can't be changed. In a generated `backend.py`: have
    `unschedule` work in any process, from the id alone.
    """
    if raised := scheduled.update.raised:
        raise Violation(f"the update raised {raised}")
    if scheduled.live_after_update != [NEW_CRON]:
        raise Violation(
            f"the schedule was updated to {NEW_CRON!r}; the backend has "
            f"{', '.join(map(repr, scheduled.live_after_update)) or 'none'}"
        )


@schedule_rule("SCHED-6", MUST, requires=("SCHED-1",))
def a_deleted_schedule_is_gone(scheduled: Scheduled) -> None:
    """Deleting a schedule deletes the backend's own, from another process.

    Why: without `delete_schedule` ZenML only warns and forgets its record
    (`Client.delete_schedule`); the backend goes on firing a pipeline that nobody can find.

    Fix: implement `delete_schedule`; find the backend's object through `schedule.run_metadata`. In
    a generated `backend.py`: have `unschedule` work in any process, from the id alone.
    """
    if raised := scheduled.delete.raised:
        raise Violation(f"the deletion raised {raised}")
    if live := scheduled.live_after_delete:
        raise Violation(f"the schedule was deleted; the backend still has {live}")


@schedule_rule("SCHED-5", SHOULD, requires=("SCHED-6",), capability=Capability.SCHEDULE_DELETION)
def a_deletion_tolerates_what_is_gone(schedule_kinds: ScheduleKinds) -> None:
    """A schedule can be deleted when the backend has lost it.

    Why: ZenML asks the orchestrator before it deletes its own record (`Client.delete_schedule`).
    If "not found" raises, a schedule that a person removed by hand stays in ZenML for ever.

    Fix: take "not found" for done, and log it. In a generated `backend.py`: have `unschedule` do
    nothing to a schedule that is gone.
    """
    if raised := schedule_kinds.delete_gone.raised:
        raise Violation(f"deleting a schedule that the backend has lost raised {raised}")
