"""The fake backend as its callers see it."""

from __future__ import annotations

import os
from typing import Any

from zenml_conformance.fake_backend.faults import Faults
from zenml_conformance.fake_backend.jobs import Job, JobRecord, JobState, ScheduleRecord
from zenml_conformance.protocol import EngineClient


class FakeBackend:
    """A scenario's fake backend: an in-memory job table in the suite's engine.

    Works from any process of the session. Every method raises `EngineError` when the backend
    refuses, which is how a scheduler's refusal reaches an orchestrator.
    """

    def __init__(self, socket: str, name: str) -> None:
        """Point at a backend.

        Args:
            socket: The engine's socket.
            name: The backend's name.
        """
        self._engine = EngineClient(socket)
        self._name = name
        self._known: dict[str, str] = {}

    def submit(self, job: Job) -> str:
        """Submit a job.

        Args:
            job: The job.

        Returns:
            Its id.
        """
        job_id: str = self._engine.request(
            "submit", backend=self._name, job=job.model_dump(mode="json")
        )
        return job_id

    def status(self, job_id: str) -> JobState:
        """Ask for a job's state.

        Args:
            job_id: The job's id.

        Returns:
            Its state; UNKNOWN for an id that this backend never gave out.
        """
        state = JobState(self._engine.request("status", backend=self._name, job_id=job_id))
        self._known[job_id] = state.value
        return state

    def cancel(self, job_id: str) -> None:
        """End a job: SIGTERM to its process, SIGKILL five seconds later. Idempotent.

        Args:
            job_id: The job's id.
        """
        self._engine.request("cancel", backend=self._name, job_id=job_id)

    def wait_for_change(self, job_ids: list[str], timeout: float) -> None:
        """Wait until one of some jobs is in another state than `status` last said.

        Args:
            job_ids: The jobs.
            timeout: Seconds to wait at most.
        """
        known = {i: self._known.get(i, JobState.QUEUED.value) for i in job_ids}
        self._engine.request(
            "wait_for_change",
            patience=timeout + 10,
            backend=self._name,
            known=known,
            timeout=timeout,
        )

    def schedule(self, job: Job, cron: str) -> str:
        """Have a job submitted again and again. Nothing fires by itself: `fire` does.

        Args:
            job: The job.
            cron: When, as five fields.

        Returns:
            The schedule's id.
        """
        schedule_id: str = self._engine.request(
            "schedule", backend=self._name, job=job.model_dump(mode="json"), cron=cron
        )
        return schedule_id

    def unschedule(self, schedule_id: str) -> None:
        """Delete a schedule.

        Args:
            schedule_id: Its id; `EngineError` if there is none (any more).
        """
        self._engine.request("unschedule", backend=self._name, schedule_id=schedule_id)

    def schedules(self) -> list[ScheduleRecord]:
        """List every schedule this backend was ever asked to keep.

        Returns:
            The schedules, deleted ones included.
        """
        answer = self._engine.request("schedules", backend=self._name)
        return [ScheduleRecord.model_validate(record) for record in answer]

    def fire(self, schedule_id: str) -> str:
        """Do what the backend's clock would do: submit a schedule's job.

        Args:
            schedule_id: The schedule.

        Returns:
            The id of the new job.
        """
        job_id: str = self._engine.request("fire", backend=self._name, schedule_id=schedule_id)
        return job_id

    def restart(self, job_id: str) -> None:
        """Run a job again that has ended: the same command, environment and id.

        Args:
            job_id: The job.
        """
        self._engine.request("restart", backend=self._name, job_id=job_id)

    def requeue(self, job_id: str) -> None:
        """Kill a running job and run it again, as a backend does whose node went down.

        Nobody sees it ended: it is running, then queued, then running.

        Args:
            job_id: The job.
        """
        self._engine.request("requeue", backend=self._name, job_id=job_id)

    def lose(self, job_id: str) -> None:
        """Kill a job and forget it, as a backend does whose node and database are gone.

        Args:
            job_id: The job.
        """
        self._engine.request("lose", backend=self._name, job_id=job_id)

    def kill(self, job_id: str) -> None:
        """Send SIGKILL to a job's process and its children.

        Args:
            job_id: The job.
        """
        self._engine.request("kill", backend=self._name, job_id=job_id)

    def drain(self, timeout: float) -> list[str]:
        """Wait until no job is live.

        Args:
            timeout: Seconds to wait at most.

        Returns:
            The ids of jobs that are live when the time is up.
        """
        answer = self._engine.request(
            "drain", patience=timeout + 10, backend=self._name, timeout=timeout
        )
        live: list[str] = answer["live"]
        return live

    def log_location(self, job_id: str) -> str | None:
        """Say where a job's output goes.

        Args:
            job_id: The job's id.

        Returns:
            A path; None before the job has started.
        """
        records, _ = self.jobs()
        return next((r.log for r in records if r.id == job_id), None)

    def jobs(self) -> tuple[list[JobRecord], list[Job]]:
        """List every job this backend was ever asked to run.

        Returns:
            The accepted ones in order of submission, and the refused ones.
        """
        answer = self._engine.request("jobs", backend=self._name)
        return (
            [JobRecord.model_validate(r) for r in answer["records"]],
            [Job.model_validate(j) for j in answer["refused"]],
        )

    def unanswered(self) -> int:
        """Count the questions that were not answered.

        Returns:
            How many `Faults.status_fails` was the reason of.
        """
        count: int = self._engine.request("unanswered", backend=self._name)
        return count

    def set_faults(self, faults: Faults) -> None:
        """Change what the backend does wrong from now on.

        Args:
            faults: The new faults.
        """
        self._engine.request("set_faults", backend=self._name, faults=faults.model_dump())

    def note(self, key: str, value: Any) -> None:
        """Remember something for every process of the scenario, as a backend's database would.

        For harnesses that imitate a service: its registered definitions, its annotations.

        Args:
            key: Its name; what was there is replaced.
            value: Anything that JSON can express.
        """
        self._engine.request("note", backend=self._name, key=key, value=value)

    def notes(self) -> dict[str, Any]:
        """Give everything that was noted.

        Returns:
            The values, by name.
        """
        notes: dict[str, Any] = self._engine.request("notes", backend=self._name)
        return notes

    def this_job(self) -> JobRecord | None:
        """Say which job the calling process runs.

        Returns:
            Its record; None in a client.
        """
        records, _ = self.jobs()
        return next((record for record in records if record.pid == os.getpid()), None)

    def close(self) -> None:
        """Kill every job that is still live."""
        self._engine.request("close_backend", backend=self._name)
