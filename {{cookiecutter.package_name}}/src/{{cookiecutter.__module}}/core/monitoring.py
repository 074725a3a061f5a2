"""Submit jobs and watch them, whatever the backend's state."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from zenml.logger import get_logger

from .jobs import Job, JobBackend, JobState, OutOfReachError, UnavailableError
from .outages import through_outages
from .termination import sigterm_allowed

logger = get_logger(__name__)

WAIT_SECONDS = 30.0
"""How long to rely on `JobBackend.wait` before looking at all jobs again."""

WATCH_SECONDS = 60.0
"""How often to look at jobs that others wait for."""


def check_job(backend: JobBackend, job: Job) -> None:
    """Refuse a job that can never run.

    Raises:
        ValueError: If it can't.
        UnavailableError: If the backend can't be asked for minutes.
    """
    through_outages(partial(backend.check, job), UnavailableError, backend.room_seconds)


def submit_job(
    backend: JobBackend,
    job: Job,
    revise: Callable[[Job], Job] = lambda job: job,
    submit: Callable[[Job], str] | None = None,
) -> str:
    """Submit a job; try again while the backend can't be reached, or has no room for it.

    Args:
        backend: The backend.
        job: The job.
        revise: Called before each further try, returns the job as it is by then: what it depends
            on may have ended meanwhile, and the system may have forgotten it. What it raises ends
            the waiting.
        submit: What to call instead of `JobBackend.submit`.

    Returns:
        The id of the job.

    Raises:
        UnavailableError: If the backend can't be reached for minutes, or has no room for longer
            than `JobBackend.room_seconds`.
        Exception: If the backend refuses the job.
    """
    is_first = True

    def submit_or_find() -> str:
        nonlocal job, is_first
        if not is_first:
            # Perhaps the system has it, and only the answer was lost.
            if job_id := backend.find(job):
                return job_id
            job = revise(job)
        is_first = False
        return (submit or backend.submit)(job)

    try:
        return through_outages(submit_or_find, UnavailableError, backend.room_seconds)
    except Exception:
        if job_id := backend.find(job):
            return job_id
        raise


def job_states(backend: JobBackend, job_ids: Iterable[str]) -> dict[str, JobState]:
    """Say how jobs are doing; cancel those that are held because of an error.

    Returns:
        The states by id, without those that can't be had just now: an outage says nothing about a
        job.
    """
    ids = list(job_ids)
    try:
        states = backend.statuses(ids) if ids else {}
    except NotImplementedError:
        raise  # It will never be known.
    except Exception as error:
        logger.warning("The status of jobs is not available now: %s", error)
        return {}
    for job_id, state in states.items():
        if state == JobState.HELD:
            logger.warning(
                "Job %s is held because of an error and will not start by itself, so it is "
                "cancelled. Its log, or the system's own commands, may tell what is wrong.",
                job_id,
            )
            cancel_job(backend, job_id)
    return states


def check_reach(backend: JobBackend, job_ids: Iterable[str]) -> None:
    """Refuse to deal with jobs that can't be asked about from here.

    Raises:
        OutOfReachError: If they can't. An outage is no reason.
    """
    try:
        backend.statuses(list(job_ids))
    except OutOfReachError:
        raise
    except Exception as error:
        logger.debug("The status of jobs is not available now: %s", error)


def ended_jobs(backend: JobBackend, job_ids: Iterable[str]) -> set[str]:
    """Say which jobs are known to have ended."""
    states = job_states(backend, job_ids)
    return {job_id for job_id, state in states.items() if state.is_ended}


def wait_for_news(
    backend: JobBackend, job_ids: Sequence[str], timeout: float = WAIT_SECONDS
) -> None:
    """Return when one of the jobs may have ended, and after `timeout` seconds at the latest.

    A backend that fails to wait says nothing about its jobs.
    """
    try:
        with sigterm_allowed():
            backend.wait(job_ids, timeout)
    except Exception as error:
        said = str(error) or repr(error)
        logger.warning("The backend can't wait for the ends of jobs now: %s", said)
        with sigterm_allowed():
            time.sleep(min(timeout, backend.poll_seconds))


def wait_until_ended(
    backend: JobBackend, job_ids: Iterable[str], watched: Sequence[str] = ()
) -> None:
    """Return when all jobs have ended.

    There is no time limit: steps may run for weeks, and the caller can be interrupted.

    Args:
        backend: The backend.
        job_ids: The jobs.
        watched: More jobs, which the others wait for. Should one of them be held because of an
            error, it is cancelled.
    """
    alive = list(job_ids)
    look_at = time.monotonic() + WATCH_SECONDS
    while alive:
        ended = ended_jobs(backend, alive)
        alive = [job_id for job_id in alive if job_id not in ended]
        if alive:
            wait_for_news(backend, alive)
        if time.monotonic() > look_at:
            look_at = time.monotonic() + WATCH_SECONDS
            job_states(backend, watched)


def cancel_job(backend: JobBackend, job_id: str) -> bool:
    """Have a job ended; say whether the backend was told."""
    try:
        backend.cancel(job_id)
    except Exception:
        logger.exception("Job %s could not be cancelled.", job_id)
        return False
    return True


def log_location(backend: JobBackend, job_id: str) -> str | None:
    """Say where a person finds the output of a job.

    Returns:
        None also if the backend fails to tell: what is nice to know must not fail a run.
    """
    try:
        return backend.log_location(job_id)
    except Exception as error:
        logger.warning("Where job %s logs to is not known: %s", job_id, error)
        return None


def unreported(backend: JobBackend, job_id: str, log: str | None) -> str:
    """Put in words that a job has ended without its step's having reported how.

    Args:
        backend: The backend, which may know why.
        job_id: The job.
        log: Where its output is.
    """
    try:
        reason = backend.reason(job_id)
    except Exception as error:
        logger.warning("Why job %s has ended is not known: %s", job_id, error)
        reason = None
    known = f": {reason.rstrip('.')}" if reason else ". It was probably killed, or could not start"
    ended = f"Its job {job_id} has ended, and the step has not reported how{known}."
    return f"{ended} Its log may tell more: {log}" if log else ended


def log_locations(backend: JobBackend, jobs: dict[str, str]) -> dict[str, str]:
    """Say where a person finds the output of steps.

    Args:
        backend: The backend.
        jobs: The jobs by step.

    Returns:
        The locations by step, as far as there are any.
    """
    located = {step: log_location(backend, job_id) for step, job_id in jobs.items()}
    return {step: location for step, location in located.items() if location}
