"""The backend: runs of Kubeflow Pipelines. This file is yours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .core.compiled_dag import DagBackend
from .core.jobs import Job, JobState
from .core.schedules import SchedulingBackend

if TYPE_CHECKING:
    from .api import Api
    from .config import AcmeOrchestratorConfig

STATES = {
    "RUNTIME_STATE_UNSPECIFIED": JobState.QUEUED,
    "PENDING": JobState.QUEUED,
    "SUCCEEDED": JobState.SUCCEEDED,
    "FAILED": JobState.FAILED,
    "CANCELED": JobState.CANCELLED,
    "SKIPPED": JobState.CANCELLED,
}
"""Every other state, such as CANCELING or PAUSED, has processes: the job is RUNNING."""


class AcmeBackend(DagBackend, SchedulingBackend):
    """Has the jobs of a run compiled to one pipeline, which Kubeflow runs.

    The id of a run is also that of the job that ends it: its finalizer, or its only job. The id of
    any other job is that of the run and the name of the task, with a slash between them.

    What needs Kubeflow's SDK is imported when it is called: a step does not need it.
    """

    config: AcmeOrchestratorConfig
    gpu_classes = True

    @cached_property
    def api(self) -> Api:
        """The Kubeflow Pipelines API."""
        from .api import Api

        return Api(self.config)

    def check(self, job: Job) -> None:
        """Refuse a job that could never run, or that would show ZenML's token to others.

        Raises:
            ValueError: If it is one.
        """
        from .pipeline import check

        check(job, self.config)

    def submit(self, job: Job) -> str:
        """Begin a run that has this one task.

        Returns:
            The id of the run.
        """
        return self.submit_dag([job])

    def submit_dag(self, jobs: Sequence[Job]) -> str:
        """Begin a run with these tasks.

        Returns:
            The id of the run.
        """
        from .pipeline import compiled, placement

        last = jobs[-1]
        with compiled(jobs, self.config.in_cluster_host) as path:
            return self.api.begin(path, last.name, *placement(last))

    def id_in_dag(self, finalizer_id: str, job: Job) -> str:
        """Return the id of the job of a task."""
        return f"{finalizer_id}/{job.name}"

    def find(self, job: Job) -> str | None:
        """Look for a run that Kubeflow may have taken although the answer was lost."""
        return self.api.find(job.name)

    def status(self, job_id: str) -> JobState:
        """Tell how a job is doing.

        Returns:
            The state; `UNKNOWN` if the run was deleted.
        """
        return _state(self.api.run(_run_of(job_id)), job_id)

    def statuses(self, job_ids: Sequence[str]) -> dict[str, JobState]:
        """Ask for the jobs of a run at once."""
        runs = defaultdict(list)
        for job_id in job_ids:
            runs[_run_of(job_id)].append(job_id)
        states: dict[str, JobState] = {}
        for run_id, jobs in runs.items():
            run = self.api.run(run_id)
            states |= {job_id: _state(run, job_id) for job_id in jobs}
        return states

    def cancel(self, job_id: str) -> None:
        """Terminate a run. Kubeflow can't end one of several tasks: that one is left."""
        run = self.api.run(job_id) if job_id == _run_of(job_id) else None
        # It refuses to be told twice.
        if run and run.state != "CANCELING" and not _translate(run.state).is_ended:
            self.api.terminate(job_id)

    def log_location(self, job_id: str) -> str | None:
        """Name the page with the run's tasks and their logs, as far as the address is known."""
        host = self.config.host
        return f"{host.rstrip('/')}/#/runs/details/{_run_of(job_id)}" if host else None

    def schedule(self, job: Job, cron: str) -> str:
        """Have a run begun again and again.

        Returns:
            The id of Kubeflow's recurring run.
        """
        from .pipeline import compiled, placement

        with compiled([job], self.config.in_cluster_host) as path:
            return self.api.schedule(path, job.name, *placement(job), with_seconds(cron))

    def unschedule(self, schedule_id: str) -> None:
        """Delete a recurring run."""
        self.api.unschedule(schedule_id)


def with_seconds(cron: str) -> str:
    """Return a cron expression as Kubeflow understands it: with a field for seconds.

    Raises:
        ValueError: If it calls Sunday 7, which Kubeflow does not know.
    """
    days = cron.split()[-1]
    if any("7" in part.partition("/")[0] for part in days.split(",")):
        raise ValueError(f"Kubeflow calls Sunday 0, and {cron!r} calls it 7.")
    return f"0 {cron}"


def _run_of(job_id: str) -> str:
    return job_id.partition("/")[0]


def _state(run: Any | None, job_id: str) -> JobState:
    """Read the state of a job from what the API says of its run."""
    if run is None:
        return JobState.UNKNOWN
    state = _translate(run.state)
    _, _, name = job_id.partition("/")
    if not name:
        return state
    tasks = run.run_details.task_details if run.run_details else None
    for task in tasks or ():
        if task.display_name == name:
            own = _translate(task.state)
            return state if state.is_ended and not own.is_ended else own
    # It has not started, and will not once the run has ended.
    return JobState.CANCELLED if state.is_ended else JobState.QUEUED


def _translate(state: str | None) -> JobState:
    return JobState.QUEUED if state is None else STATES.get(state, JobState.RUNNING)
