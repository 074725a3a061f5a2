"""The host of the fake backends: what happens to their jobs, and who asks for it.

`fake_backend.table` knows what a job's states mean; here its process is started and ended.
"""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from zenml_conformance.engine.child import ProcessSpec
from zenml_conformance.engine.children import Children
from zenml_conformance.engine.requests import Later
from zenml_conformance.engine.session import Session
from zenml_conformance.fake_backend.faults import Faults
from zenml_conformance.fake_backend.jobs import Job, JobRecord, JobState
from zenml_conformance.fake_backend.table import JobTable, Rejected

OF_IMAGES = {"ZENML_REPOSITORY_PATH": os.devnull}
"""What stands for a container's own file system: no `.zen` of the machine can be seen there."""

KILL_AFTER_SECONDS = 5.0
"""Between the fake backend's SIGTERM and its SIGKILL."""


class Backend(BaseModel):
    """A scenario's fake backend: where its jobs live."""

    model_config = {"arbitrary_types_allowed": True}

    table: JobTable
    directory: str
    environment: dict[str, str]
    session: Session
    notes: dict[str, Any] = {}


class Backends:
    """Every fake backend, by name.

    After whatever may let a job start, `_start_jobs` starts it: there is no clock that would.
    """

    def __init__(self, children: Children) -> None:
        """Start with none.

        Args:
            children: Where jobs' processes are forked.
        """
        self._children = children
        self._backends: dict[str, Backend] = {}
        self._jobs: dict[int, tuple[str, str]] = {}  # By process: backend and job.

    def process_ended(self, pid: int, code: int) -> None:
        """Take note that a process has ended; it may have been a job's.

        Args:
            pid: The process.
            code: Its exit code.
        """
        if pid in self._jobs:
            backend, job_id = self._jobs[pid]
            table = self._table(backend)
            record = table.records[job_id]
            if record.state is JobState.RUNNING:
                table.process_ended(job_id, code)
            record.exit_code = code
            self._start_jobs(backend)

    def _table(self, backend: str) -> JobTable:
        return self._backends[backend].table

    def _start_jobs(self, backend: str) -> None:
        table = self._table(backend)
        while ready := table.startable():
            for record in ready:
                if table.faults.hollows(record.job):
                    table.end(record.id, JobState.SUCCEEDED, 0)
                else:
                    self._start_job(backend, record)

    def _start_job(self, backend: str, record: JobRecord) -> None:
        host = self._backends[backend]
        log = str(Path(host.directory, f"{record.id}.log"))
        pid = self._children.fork(
            ProcessSpec(
                argv=record.job.command,
                environment={
                    **host.environment,
                    "HOME": _new_home(host.directory),
                    **(OF_IMAGES if record.job.image else {}),
                    **record.job.environment,
                },
                cwd=str(Path(host.directory, record.id)),
                log=log,
                cold=record.job.step in host.table.faults.cold_steps,
                contained=record.job.image is not None,
                session=host.session,
            )
        )
        self._jobs[pid] = (backend, record.id)
        host.table.start(record.id, pid, log)

    # -- operations -------------------------------------------------------------------------

    def op_open_backend(
        self,
        caller: int,
        name: str,
        directory: str,
        environment: dict[str, str],
        faults: dict[str, Any],
        session: dict[str, Any],
    ) -> bool:
        """Create an empty backend."""
        self._backends[name] = Backend(
            table=JobTable(Faults.model_validate(faults)),
            directory=directory,
            environment=environment,
            session=Session.model_validate(session),
        )
        return True

    def op_set_faults(self, caller: int, backend: str, faults: dict[str, Any]) -> bool:
        """Change what a backend does wrong from now on."""
        self._table(backend).faults = Faults.model_validate(faults)
        self._start_jobs(backend)  # What was held may be free now.
        return True

    def op_unset_variable(self, caller: int, backend: str, name: str) -> bool:
        """Take a variable out of what a backend's machine gives to every job."""
        self._backends[backend].environment.pop(name, None)
        return True

    def op_submit(self, caller: int, backend: str, job: dict[str, Any]) -> str:
        """Accept a job."""
        _, submitter = self._jobs.get(caller, (backend, "client"))
        record = self._table(backend).submit(Job.model_validate(job), submitter)
        self._start_jobs(backend)
        return record.id

    def op_status(self, caller: int, backend: str, job_id: str) -> str:
        """Say where a job is."""
        return self._table(backend).status(job_id, asker=caller).value

    def op_schedule(self, caller: int, backend: str, job: dict[str, Any], cron: str) -> str:
        """Accept a schedule."""
        return self._table(backend).schedule(Job.model_validate(job), cron).id

    def op_unschedule(self, caller: int, backend: str, schedule_id: str) -> bool:
        """Delete a schedule."""
        self._table(backend).unschedule(schedule_id)
        return True

    def op_schedules(self, caller: int, backend: str) -> list[dict[str, Any]]:
        """List every schedule that a backend was ever asked to keep."""
        schedules = self._table(backend).schedules
        return [record.model_dump(mode="json") for record in schedules.values()]

    def op_fire(self, caller: int, backend: str, schedule_id: str) -> str:
        """Submit a schedule's job."""
        table = self._table(backend)
        schedule = table.schedules[schedule_id]
        if schedule.deleted:
            raise Rejected(f"schedule {schedule_id!r} is deleted")
        record = table.submit(schedule.job, schedule_id, schedule_id)
        self._start_jobs(backend)
        return record.id

    def op_restart(self, caller: int, backend: str, job_id: str) -> bool:
        """Run a job again that has ended."""
        table = self._table(backend)
        if not table.records[job_id].state.is_ended:
            raise Rejected(f"job {job_id!r} has not ended")
        table.queue_again(job_id)
        self._start_jobs(backend)
        return True

    def op_requeue(self, caller: int, backend: str, job_id: str) -> bool:
        """Kill a running job, to be run again."""
        record = self._table(backend).records[job_id]
        if record.state is not JobState.RUNNING:
            raise Rejected(f"job {job_id!r} is not running")
        record.requeued = True
        return self.op_kill(caller, backend, job_id)

    def op_lose(self, caller: int, backend: str, job_id: str) -> bool:
        """Kill a job and forget it."""
        record = self._table(backend).records[job_id]
        record.lost = True
        return self.op_kill(caller, backend, job_id)

    def op_kill(self, caller: int, backend: str, job_id: str) -> bool:
        """Send SIGKILL to a job's process and its children."""
        table = self._table(backend)
        record = table.records[job_id]
        if record.pid is not None:
            self._children.signal(record.pid, signal.SIGKILL)
        elif not record.state.is_ended:
            table.end(job_id, JobState.FAILED)
            self._start_jobs(backend)
        return True

    def op_note(self, caller: int, backend: str, key: str, value: Any) -> bool:
        """Keep a value."""
        self._backends[backend].notes[key] = value
        return True

    def op_notes(self, caller: int, backend: str) -> dict[str, Any]:
        """Give all values."""
        return self._backends[backend].notes

    def op_cancel(self, caller: int, backend: str, job_id: str) -> bool:
        """End a job: SIGTERM, some seconds, SIGKILL."""
        table = self._table(backend)
        record = table.records.get(job_id)
        if record is None or record.state.is_ended:
            return False
        if record.pid is None:
            table.end(job_id, JobState.CANCELLED)
            self._start_jobs(backend)
        else:
            record.cancelled = True
            self._children.signal(record.pid, signal.SIGTERM)
            self._children.kill_after(record.pid, KILL_AFTER_SECONDS)
        return True

    def op_wait_for_change(
        self, caller: int, backend: str, known: dict[str, str], timeout: float
    ) -> Any:
        """Wait until one of some jobs is in another state than the caller knows."""
        table = self._table(backend)

        def answer(late: bool) -> Any | None:
            states = {job_id: table.look(job_id).value for job_id in known}
            return states if late or states != known else None

        raise Later(answer, timeout)

    def op_drain(self, caller: int, backend: str, timeout: float) -> Any:
        """Wait until no job is live; the ids of those that still are when time is up."""
        table = self._table(backend)

        def answer(late: bool) -> Any | None:
            live = [record.id for record in table.live]
            return {"live": live} if late or not live else None

        raise Later(answer, timeout)

    def op_close_backend(self, caller: int, backend: str) -> bool:
        """Kill what is still running and forget nothing."""
        table = self._table(backend)
        for record in table.live:
            if record.pid is None:
                table.end(record.id, JobState.CANCELLED)
            else:
                self._children.signal(record.pid, signal.SIGKILL)
        return True

    def op_jobs(self, caller: int, backend: str) -> dict[str, Any]:
        """List every job that a backend was ever asked to run."""
        table = self._table(backend)
        return {
            "records": [record.model_dump(mode="json") for record in table.records.values()],
            "refused": [job.model_dump(mode="json") for job in table.refused],
        }

    def op_unanswered(self, caller: int, backend: str) -> int:
        """Count the questions that a fault has left without an answer."""
        return self._table(backend).unanswered


def _new_home(directory: str) -> str:
    """Make a home for a job's process.

    ZenML writes `config.yaml` there, in place, whenever it starts. Of jobs that shared a home,
    those would fail, by chance, that start in such a moment.
    """
    return tempfile.mkdtemp(prefix="home-", dir=directory)
