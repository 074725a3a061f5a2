"""What Jobs and pods say about the state of a job, and about the reason for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any

from .core.jobs import STEP, JobState
from .manifests import LABEL, NODE_LOST_TIMEOUT, SCHEDULING_TIMEOUT, STARTUP_TIMEOUT

LOST_SECONDS = 30
"""How much longer than agreed the end of a pod may take. Then its node is lost."""

REMOVED = "Its pod was removed, for example by an eviction, and a step has one attempt."

TRANSIENT = ("ContainerCreating", "PodInitializing")
"""Why a container waits while all is well."""


@dataclass(frozen=True)
class Finding:
    """How a job is doing.

    Attributes:
        state: Its state.
        reason: Why, in Kubernetes' words, if there is more to say.
        is_given_up: Whether its Job has to go, since what may still come of it must not run.
    """

    state: JobState
    reason: str | None = None
    is_given_up: bool = False


def needs_job(pods: Sequence[Any], first: str | None) -> bool:
    """Say whether the pods of a job do not say enough about it.

    Args:
        pods: Its pods.
        first: The UID of its first pod, if that was ever seen.
    """
    ends = any(pod.status.phase == "Failed" or pod.metadata.deletion_timestamp for pod in pods)
    return not pods or ends or _is_gone(first, pods)


def find(job: Any, pods: Sequence[Any], first: str | None, now: datetime | None = None) -> Finding:
    """Judge a job.

    Its pod knows best: what a Job says comes later, and nothing of what keeps a pod from starting.

    Args:
        job: The Job; None if there is none, or if its pods say enough.
        pods: Its pods.
        first: The UID of its first pod, if that was ever seen.
        now: The time.
    """
    now = now or datetime.now(timezone.utc)
    if not pods and job is None:
        return Finding(JobState.UNKNOWN)
    finding = of_pod(_decisive(pods), now) if pods else of_job(job, now)
    if job is None:
        return finding
    if failure := _failure(job, now):
        return replace(finding, reason=failure) if pods else finding
    if not _is_step(job) or _has_ended(job):
        return finding
    if _is_gone(first, pods):
        return Finding(JobState.FAILED, REMOVED, is_given_up=True)
    if pods and oldest(pods).metadata.deletion_timestamp:
        return Finding(finding.state, REMOVED, is_given_up=True)
    return finding


def oldest(pods: Sequence[Any]) -> Any:
    """Return the first of the pods of a job."""
    return min(pods, key=_age)


def of_pod(pod: Any, now: datetime) -> Finding:
    """Judge a job by its pod."""
    phase, status = pod.status.phase, pod.status
    if phase == "Succeeded":
        return Finding(JobState.SUCCEEDED)
    if phase == "Failed":
        return Finding(JobState.FAILED, _why_failed(status))
    # The time by which the pod should be gone.
    leaves = pod.metadata.deletion_timestamp
    if leaves and now > leaves + timedelta(seconds=LOST_SECONDS):
        reason = f"Its node {pod.spec.node_name} does not confirm the end of its pod."
        return Finding(JobState.FAILED, reason, is_given_up=True)
    if phase != "Pending":
        return _running(pod, now)
    if leaves:
        return Finding(JobState.QUEUED)
    return _pending(pod, now)


def of_job(job: Any, now: datetime) -> Finding:
    """Judge a job that has no pod: it has none yet, or none any more."""
    for condition in job.status.conditions or ():
        if condition.status == "True" and condition.type == "Complete":
            return Finding(JobState.SUCCEEDED)
        if condition.status == "True" and condition.type == "Failed":
            return Finding(JobState.FAILED, _words(condition.reason, condition.message))
    return _waiting(
        job.metadata,
        job.metadata.creation_timestamp,
        SCHEDULING_TIMEOUT,
        "No pod has been created for it, perhaps for want of quota (`kubectl describe job`).",
        now,
    )


def _decisive(pods: Sequence[Any]) -> Any:
    """A step has one attempt; what looks after a run may go on in the next pod."""
    return oldest(pods) if _is_step(pods[0]) else max(pods, key=_age)


def _age(pod: Any) -> tuple[datetime, str]:
    return pod.metadata.creation_timestamp, pod.metadata.name


def _is_step(job_or_pod: Any) -> bool:
    return bool(job_or_pod.metadata.labels.get(f"{LABEL}role") == STEP)


def _is_gone(first: str | None, pods: Sequence[Any]) -> bool:
    return first is not None and first not in [pod.metadata.uid for pod in pods]


def _has_ended(job: Any) -> bool:
    kinds = {c.type for c in job.status.conditions or () if c.status == "True"}
    return bool(job.metadata.deletion_timestamp or kinds & {"Complete", "Failed"})


def _failure(job: Any, now: datetime) -> str | None:
    """Say why Kubernetes has ended a Job; None if its own pod was the reason, or it has not."""
    for condition in job.status.conditions or ():
        if condition.status == "True" and condition.type == "Failed":
            own = condition.reason == "BackoffLimitExceeded"
            return None if own else _words(condition.reason, condition.message)
    seconds, since = job.spec.active_deadline_seconds, job.status.start_time
    if seconds and since and now >= since + timedelta(seconds=seconds):
        return "DeadlineExceeded"  # It is about to say so itself.
    return None


def _pending(pod: Any, now: datetime) -> Finding:
    conditions = {condition.type: condition for condition in pod.status.conditions or ()}
    scheduled = conditions.get("PodScheduled")
    if scheduled is None or scheduled.status != "True":
        reason = scheduled and _words(scheduled.reason, scheduled.message)
        since = pod.metadata.creation_timestamp
        return _waiting(pod.metadata, since, SCHEDULING_TIMEOUT, reason, now)
    waiting = [
        container.state.waiting
        for container in (
            *(pod.status.init_container_statuses or ()),
            *(pod.status.container_statuses or ()),
        )
        if container.state.waiting and container.state.waiting.reason not in TRANSIENT
    ]
    reason = _words(waiting[0].reason, waiting[0].message) if waiting else None
    return _waiting(pod.metadata, scheduled.last_transition_time, STARTUP_TIMEOUT, reason, now)


def _running(pod: Any, now: datetime) -> Finding:
    """Judge a pod that runs, as far as its node has told.

    When a node is silent, the cluster calls its pods not ready, and their containers stay what the
    node has said last. It evicts them only if other nodes of the zone are there.
    """
    ready = next((c for c in pod.status.conditions or () if c.type == "Ready"), None)
    told = all(container.ready for container in pod.status.container_statuses or ())
    seconds = (pod.metadata.annotations or {}).get(NODE_LOST_TIMEOUT)
    if ready is None or ready.status != "False" or not told or seconds is None:
        return Finding(JobState.RUNNING)
    silent = f"Its node {pod.spec.node_name} does not answer."
    if now < ready.last_transition_time + timedelta(seconds=int(seconds)):
        return Finding(JobState.RUNNING, silent)
    return Finding(JobState.FAILED, silent, is_given_up=True)


def _waiting(
    metadata: Any, since: datetime, timeout: str, reason: str | None, now: datetime
) -> Finding:
    """Judge what waits: after its time, it is held by an error."""
    seconds = (metadata.annotations or {}).get(timeout)
    is_late = seconds is not None and now > since + timedelta(seconds=int(seconds))
    if not is_late:
        return Finding(JobState.QUEUED, reason)
    setting = timeout.removeprefix(LABEL).replace("-", "_")
    late = f"It has not started within {seconds} seconds (`{setting}`)."
    return Finding(JobState.HELD, f"{late} {reason}" if reason else late)


def _why_failed(status: Any) -> str | None:
    if status.reason or status.message:  # Such as Evicted.
        return _words(status.reason, status.message)
    for container in status.container_statuses or ():
        if ended := container.state.terminated:
            return _words(f"{ended.reason} (exit code {ended.exit_code})", ended.message)
    return None


def _words(reason: str | None, message: str | None) -> str:
    return ": ".join(word.strip() for word in (reason, message) if word)
