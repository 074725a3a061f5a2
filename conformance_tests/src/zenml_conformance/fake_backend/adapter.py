"""The fake backend as a `JobBackend`: what a project's orchestrator is given for its own."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from zenml_conformance.fake_backend.client import FakeBackend
from zenml_conformance.fake_backend.jobs import Job


def job_states(seam: type) -> Any | None:
    """Find a project's own `JobState`, beside its backend or a base of it.

    Args:
        seam: The annotation of the orchestrator's attribute `backend`.

    Returns:
        The enumeration; None if the class is no backend of a project.
    """
    for each in seam.__mro__:
        if states := getattr(sys.modules.get(each.__module__), "JobState", None):
            return states
    return None


def adapter(seam: type, backend: FakeBackend) -> Any:
    """Make an instance of a project's own type of backend that passes everything on.

    Args:
        seam: The annotation of the orchestrator's attribute `backend`.
        backend: The fake backend; the instance has it as `fake`.
    """
    members: dict[str, Any] = {"fake": backend, "states": job_states(seam), "dags": {}}
    return type("FakeJobBackend", (_PassesOn, seam), members)()


class _PassesOn:
    """Overrides all that a backend does. What is left of the project's class are constants."""

    fake: FakeBackend
    states: Any
    dags: dict[str, dict[str, str]]
    """The ids of jobs that were submitted at once: by the last one's id, and then by name."""

    def __init__(self) -> None:
        pass

    def submit(self, job: Any) -> str:
        return self.fake.submit(_translated(job))

    def submit_dag(self, jobs: Sequence[Any]) -> str:
        ids: dict[str, str] = {}
        try:
            for job in jobs:
                before = {"depends_on": tuple(ids[name] for name in job.depends_on)}
                ids[job.name] = self.fake.submit(_translated(job).model_copy(update=before))
        except BaseException:
            # The last first: a job must not start because the one before it has been cancelled.
            for job_id in reversed(ids.values()):
                self.fake.cancel(job_id)
            raise
        last = ids[jobs[-1].name]
        self.dags[last] = ids
        return last

    def id_in_dag(self, finalizer_id: str, job: Any) -> str:
        return self.dags[finalizer_id][job.name]

    def find(self, job: Any) -> str | None:
        del job
        return None  # The fake backend always answers.

    def check(self, job: Any) -> None:
        pass

    def status(self, job_id: str) -> Any:
        return self.states(self.fake.status(job_id).value)

    def statuses(self, job_ids: Sequence[str]) -> dict[str, Any]:
        return {job_id: self.status(job_id) for job_id in job_ids}

    def cancel(self, job_id: str) -> None:
        self.fake.cancel(job_id)

    def wait(self, job_ids: Sequence[str], timeout: float) -> None:
        self.fake.wait_for_change(list(job_ids), timeout)

    def log_location(self, job_id: str) -> str | None:
        return self.fake.log_location(job_id)

    def schedule(self, job: Any, cron: str) -> str:
        return self.fake.schedule(_translated(job), cron)

    def unschedule(self, schedule_id: str) -> None:
        # The seam has no error for a schedule that is gone.
        if schedule_id in {record.id for record in self.fake.schedules() if not record.deleted}:
            self.fake.unschedule(schedule_id)


def _translated(job: Any) -> Job:
    """Say in the fake backend's words what a project's job says."""
    said = _attributes(job)
    known = {name: said.pop(name) for name in list(said) if name in Job.model_fields}
    return Job(**known, spec=said)


def _attributes(job: Any) -> dict[str, Any]:
    """What describes a job. A function in it is for the project's own backend to call."""
    names = [field.name for field in fields(job)] if is_dataclass(job) else [*vars(job)]
    values = {name: getattr(job, name) for name in names}
    return {name: value for name, value in values.items() if not callable(value)}
