"""Jobs are submitted once, and watched whatever the backend's state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from zenml.orchestrators import BaseOrchestratorConfig

from zenml_conformance.core import monitoring, outages
from zenml_conformance.core.jobs import Job, JobBackend, JobState, NoRoomError, UnavailableError

from .fake_time import FakeTime

JOB = Job("a-job", ("true",), {})


class FailingBackend(JobBackend):
    """A table of jobs behind a connection.

    Attributes:
        taken: The jobs that it has been given, repeated ones included.
        before: What the next tries to submit raise before the job is taken.
        after: What they raise when it is taken.
        states: Ids of jobs with their states; the status of all others can't be had.
        cancelled: Ids of jobs that were cancelled.
        waits: How often jobs were waited for.
    """

    room_seconds = 60.0

    def __init__(self) -> None:
        """Begin without jobs and without failures."""
        super().__init__(BaseOrchestratorConfig())
        self.taken: list[Job] = []
        self.before: list[Exception] = []
        self.after: list[Exception] = []
        self.states: dict[str, JobState] = {}
        self.cancelled: list[str] = []
        self.waits = 0

    def submit(self, job: Job) -> str:
        """Take a job, or fail."""
        if self.before:
            raise self.before.pop(0)
        self.taken.append(job)
        if self.after:
            raise self.after.pop(0)
        return job.name

    def find(self, job: Job) -> str | None:
        """Look for it among those that were taken."""
        return job.name if job.name in {taken.name for taken in self.taken} else None

    def status(self, job_id: str) -> JobState:
        """Look it up, or fail."""
        if job_id not in self.states:
            raise ConnectionError("the connection was refused")
        return self.states[job_id]

    def cancel(self, job_id: str) -> None:
        """Cancel it, or fail."""
        self.status(job_id)
        self.cancelled.append(job_id)
        self.states[job_id] = JobState.CANCELLED

    def wait(self, job_ids: Sequence[str], timeout: float) -> None:
        """Return at once."""
        del timeout
        self.waits += 1
        if self.waits > 1000:
            pytest.fail(f"{', '.join(job_ids)} will never end")


@pytest.fixture
def backend() -> FailingBackend:
    """A backend."""
    return FailingBackend()


@pytest.fixture(autouse=True)
def time(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    """The clock that pauses are measured with."""
    time = FakeTime()
    monkeypatch.setattr(outages, "time", time)
    return time


# Submission.


def test_a_job_is_submitted_when_the_backend_can_be_reached(backend: FailingBackend) -> None:
    """Until then, it is tried again."""
    backend.before = [UnavailableError("down"), NoRoomError("full"), UnavailableError("down")]
    assert monitoring.submit_job(backend, JOB) == JOB.name
    assert backend.taken == [JOB]


def test_a_job_whose_answer_is_lost_is_found(backend: FailingBackend) -> None:
    """It is not submitted a second time."""
    backend.after = [UnavailableError("the connection was closed")]
    assert monitoring.submit_job(backend, JOB) == JOB.name
    assert backend.taken == [JOB]


def test_a_job_whose_last_answer_is_lost_is_found(backend: FailingBackend) -> None:
    """No further try follows in which it could be looked for."""
    backend.before = [UnavailableError("down")] * len(outages.PAUSES_SECONDS)
    backend.after = [UnavailableError("the connection was closed")]
    assert monitoring.submit_job(backend, JOB) == JOB.name
    assert backend.taken == [JOB]


def test_a_backend_that_is_away_for_minutes_is_an_error(backend: FailingBackend) -> None:
    """Its own."""
    backend.before = [UnavailableError("down")] * (len(outages.PAUSES_SECONDS) + 1)
    with pytest.raises(UnavailableError, match="down"):
        monitoring.submit_job(backend, JOB)
    assert not backend.taken


def test_a_refusal_is_final(backend: FailingBackend, time: FakeTime) -> None:
    """The backend has decided."""
    backend.before = [ValueError("it is too large")]
    with pytest.raises(ValueError, match="too large"):
        monitoring.submit_job(backend, JOB)
    assert not backend.taken
    assert not time.pauses


def test_room_is_waited_for_as_long_as_the_backend_says(backend: FailingBackend) -> None:
    """The error says how long that is."""
    backend.before = [NoRoomError("the queue is full")] * 100
    with pytest.raises(NoRoomError, match="no job is waited for longer than 60 seconds"):
        monitoring.submit_job(backend, JOB)
    assert not backend.taken


def test_a_job_is_revised_before_each_further_try(backend: FailingBackend) -> None:
    """Each revision is made of the one before. One that was taken already is not revised."""
    backend.before = [NoRoomError("full"), UnavailableError("down")]
    backend.after = [UnavailableError("the answer was lost")]
    revised: list[Job] = []

    def revise(job: Job) -> Job:
        revised.append(job)
        return replace(job, depends_on=(*job.depends_on, str(len(revised))))

    assert monitoring.submit_job(backend, JOB, revise) == JOB.name
    assert [job.depends_on for job in revised] == [(), ("1",)]
    assert [job.depends_on for job in backend.taken] == [("1", "2")]


def test_a_revision_can_end_the_waiting(backend: FailingBackend) -> None:
    """The job is not wanted any more."""
    backend.before = [NoRoomError("full")]

    def revise(job: Job) -> Job:
        raise RuntimeError(f"{job.name} is not wanted")

    with pytest.raises(RuntimeError, match="is not wanted"):
        monitoring.submit_job(backend, JOB, revise)
    assert not backend.taken


# Status.


def test_jobs_that_can_not_be_asked_about_are_left_out(backend: FailingBackend) -> None:
    """Of the others, the state is known."""
    backend.states = {"a": JobState.RUNNING, "c": JobState.UNKNOWN}
    assert backend.statuses("abc") == {"a": JobState.RUNNING, "c": JobState.UNKNOWN}
    assert monitoring.ended_jobs(backend, "abc") == {"c"}


def test_a_backend_that_answers_for_all_at_once_may_fail(
    backend: FailingBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then no state is known. It is not asked about nothing."""

    def statuses(job_ids: Sequence[str]) -> dict[str, JobState]:
        raise ConnectionError(f"{job_ids}: the connection was refused")

    monkeypatch.setattr(backend, "statuses", statuses)
    assert monitoring.job_states(backend, "abc") == {}
    assert monitoring.ended_jobs(backend, "abc") == set()


def test_a_status_that_was_never_written_is_an_error(
    backend: FailingBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To ask again would be to wait for ever."""

    def status(job_id: str) -> JobState:
        raise NotImplementedError("`status` is not written yet")

    monkeypatch.setattr(backend, "status", status)
    with pytest.raises(NotImplementedError, match="not written"):
        monitoring.wait_until_ended(backend, "a")


def test_a_held_job_is_cancelled(backend: FailingBackend, caplog: pytest.LogCaptureFixture) -> None:
    """It would never start. The log says so, since the job itself can't."""
    backend.states = {"a": JobState.HELD, "b": JobState.QUEUED}
    with caplog.at_level("WARNING"):
        assert monitoring.ended_jobs(backend, "ab") == set()
    assert backend.cancelled == ["a"]
    assert "Job a is held because of an error" in caplog.text
    assert monitoring.ended_jobs(backend, "ab") == {"a"}


def test_what_others_wait_for_is_watched(
    backend: FailingBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A held job among it would keep them waiting for ever."""
    monkeypatch.setattr(monitoring, "WATCH_SECONDS", 0.0)
    backend.states = {"step": JobState.HELD, "last": JobState.QUEUED}
    cancel = backend.cancel

    def cancel_and_start_the_next(job_id: str) -> None:
        cancel(job_id)
        backend.states["last"] = JobState.SUCCEEDED

    monkeypatch.setattr(backend, "cancel", cancel_and_start_the_next)
    monitoring.wait_until_ended(backend, ["last"], watched=["step"])
    assert backend.cancelled == ["step"]


def test_a_job_that_can_not_be_cancelled_is_told_from_one_that_was(
    backend: FailingBackend,
) -> None:
    """The failure is logged, not raised: there may be others to cancel."""
    backend.states = {"a": JobState.RUNNING}
    assert monitoring.cancel_job(backend, "a")
    assert not monitoring.cancel_job(backend, "b")


# Logs.


def test_where_jobs_log_to_as_far_as_it_is_known(
    backend: FailingBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is only nice to know fails no run."""

    def location(job_id: str) -> str | None:
        if job_id == "c":
            raise ConnectionError("the connection was refused")
        return {"a": "/logs/a"}.get(job_id)

    monkeypatch.setattr(backend, "log_location", location)
    jobs = {"first": "a", "second": "b", "third": "c"}
    assert monitoring.log_locations(backend, jobs) == {"first": "/logs/a"}
