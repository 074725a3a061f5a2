"""The fake backend's job table. It starts no process: the engine does, and tells the table."""

from __future__ import annotations

import collections
import time

from zenml_conformance.fake_backend.faults import Faults
from zenml_conformance.fake_backend.jobs import Job, JobRecord, JobState, ScheduleRecord


class Rejected(RuntimeError):
    """The fake backend refused a request."""


class JobTable:
    """Every job of one backend, in the order of submission."""

    def __init__(self, faults: Faults) -> None:
        """Start empty.

        Args:
            faults: What this backend does wrong.
        """
        self.faults = faults
        self.records: dict[str, JobRecord] = {}
        self.schedules: dict[str, ScheduleRecord] = {}
        self.refused: list[Job] = []
        self.unanswered = 0
        self.asked: collections.Counter[tuple[int, str]] = collections.Counter()

    def submit(self, job: Job, submitted_by: str, schedule: str | None = None) -> JobRecord:
        """Accept a job.

        Args:
            job: The job.
            submitted_by: `client`, or the id of the job that submits.
            schedule: The schedule that fires it, if one does.

        Returns:
            The job's record.

        Raises:
            Rejected: If a fault says so, or a dependency is not a job of this backend.
        """
        if self.faults.accepts is not None and len(self.records) >= self.faults.accepts:
            self.refused.append(job)
            raise Rejected(f"the fake backend refuses job {job.name!r}: it was told to")
        if unknown := [i for i in job.depends_on if i not in self.records]:
            raise Rejected(f"job {job.name!r} depends on unknown jobs: {', '.join(unknown)}")
        record = JobRecord(
            id=f"job-{len(self.records) + 1}",
            job=job,
            submitted_by=submitted_by,
            submitted_at=time.monotonic(),
            schedule=schedule,
        )
        self.records[record.id] = record
        return record

    def schedule(self, job: Job, cron: str) -> ScheduleRecord:
        """Accept a schedule.

        Args:
            job: What to submit at each firing.
            cron: When, as five fields.

        Returns:
            The schedule's record.

        Raises:
            Rejected: If a fault says so, or `cron` has not five fields.
        """
        if not self.faults.accepts_schedules:
            self.refused.append(job)
            raise Rejected(f"the fake backend refuses to schedule {job.name!r}")
        if len(cron.split()) != 5:
            raise Rejected(f"{cron!r} is no cron expression of five fields")
        record = ScheduleRecord(id=f"schedule-{len(self.schedules) + 1}", job=job, cron=cron)
        self.schedules[record.id] = record
        return record

    def unschedule(self, schedule_id: str) -> None:
        """Forget a schedule.

        Args:
            schedule_id: The id that `schedule` gave out.

        Raises:
            Rejected: If there is no such schedule (any more).
        """
        record = self.schedules.get(schedule_id)
        if record is None or record.deleted:
            raise Rejected(f"there is no schedule {schedule_id!r}")
        record.deleted = True

    def status(self, job_id: str, asker: int) -> JobState:
        """Say where a job is.

        Args:
            job_id: The id that `submit` returned.
            asker: The process that asks: flapping is told to each in the same order, however
                many others ask at the same time.

        Returns:
            Its state; UNKNOWN for an id this backend never gave out, or that it has forgotten.

        Raises:
            Rejected: If a fault says so.
        """
        if self.faults.status_fails > 0:
            left = self.faults.status_fails - 1
            self.faults = self.faults.model_copy(update={"status_fails": left})
            self.unanswered += 1
            raise Rejected("the fake backend can't be asked just now: it was told to fail")
        state = self.look(job_id)
        if self.faults.flaps and state is JobState.RUNNING:
            self.asked[asker, job_id] += 1
            if self.asked[asker, job_id] % 2:
                return JobState.QUEUED
        return state

    def look(self, job_id: str) -> JobState:
        """Say where a job is, to a caller that waits for a change instead of asking.

        Args:
            job_id: The id that `submit` returned.

        Returns:
            Its state; UNKNOWN as with `status`.
        """
        record = self.records.get(job_id)
        if record is None or record.lost or (self.faults.purges and record.state.is_ended):
            return JobState.UNKNOWN
        return record.state

    def startable(self) -> list[JobRecord]:
        """Settle what can't start any more, then list what can start now.

        Returns:
            Queued jobs whose dependencies are met.
        """
        ready = []
        for record in self.records.values():
            if record.state is not JobState.QUEUED or self.faults.holds(record.job):
                continue
            needed = [self.records[i].state for i in record.job.depends_on]
            if record.job.start_when == "ended":
                if all(state.is_ended for state in needed):
                    ready.append(record)
            elif all(state is JobState.SUCCEEDED for state in needed):
                ready.append(record)
            elif any(state.is_ended and state is not JobState.SUCCEEDED for state in needed):
                self.end(record.id, JobState.CANCELLED)
        return ready

    def start(self, job_id: str, pid: int, log: str) -> None:
        """Record that a job's process exists.

        Args:
            job_id: The job.
            pid: Its process.
            log: Path of its output.
        """
        record = self.records[job_id]
        record.state, record.pid, record.log = JobState.RUNNING, pid, log
        record.started_at = time.monotonic()

    def process_ended(self, job_id: str, exit_code: int) -> None:
        """Record the end of a running job's process: the job's end, or a reason to try again.

        Args:
            job_id: The job.
            exit_code: See `end`.
        """
        record = self.records[job_id]
        again = record.restarts < record.job.max_restarts and not (record.cancelled or record.lost)
        if record.requeued:
            record.requeued = False
            self.queue_again(job_id)
        elif exit_code and again and exit_code not in record.job.final_exit_codes:
            self.queue_again(job_id)
        else:
            state = JobState.FAILED if exit_code else JobState.SUCCEEDED
            self.end(job_id, state, exit_code)

    def queue_again(self, job_id: str) -> None:
        """Put a job that has ended back into the queue, as a requeue would.

        Args:
            job_id: The job.
        """
        record = self.records[job_id]
        record.state, record.pid, record.exit_code = JobState.QUEUED, None, None
        record.restarts += 1

    def end(self, job_id: str, state: JobState, exit_code: int | None = None) -> None:
        """Record a job's end, once.

        Args:
            job_id: The job.
            state: How it ended.
            exit_code: Its process's exit code; negative: the signal that killed it.
        """
        record = self.records[job_id]
        if not record.state.is_ended:
            record.state, record.exit_code = state, exit_code
            record.ended_at = time.monotonic()

    @property
    def live(self) -> list[JobRecord]:
        """Jobs that have not ended."""
        return [r for r in self.records.values() if not r.state.is_ended]
