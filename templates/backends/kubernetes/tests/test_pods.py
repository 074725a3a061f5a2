"""What pods and Jobs say about the state of a job. No cluster is asked."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from kubernetes.client import ApiClient

from example_pkg.core.jobs import JobState
from example_pkg.manifests import (
    LABEL,
    NODE_LOST_TIMEOUT,
    SCHEDULING_TIMEOUT,
    STARTUP_TIMEOUT,
)
from example_pkg.pods import REMOVED, Finding, find, needs_job

NOW = datetime(2030, 1, 1, 12, tzinfo=timezone.utc)


class Answer:
    """An answer of the API server, as the client reads it."""

    def __init__(self, data: str) -> None:
        """Keep it."""
        self.data = data


def a_pod(
    status: dict[str, Any], age: int = 10, role: str = "step", uid: str = "first", **more: Any
) -> Any:
    """Describe a pod by what a test is about."""
    metadata = {
        "name": f"a-job-{uid}",
        "uid": uid,
        "creationTimestamp": (NOW - timedelta(seconds=age)).isoformat(),
        "labels": {f"{LABEL}role": role, f"{LABEL}job": "a-job"},
        "annotations": {
            STARTUP_TIMEOUT: "600",
            SCHEDULING_TIMEOUT: "900",
            NODE_LOST_TIMEOUT: "300",
        },
        **more,
    }
    container = {"name": "main", "image": "steps"}
    pod = {
        "metadata": metadata,
        "spec": {"nodeName": "n1", "containers": [container]},
        "status": status,
    }
    return ApiClient().deserialize(Answer(json.dumps(pod)), "V1Pod")


def a_job(age: int, *conditions: dict[str, str], role: str = "step", **more: Any) -> Any:
    """Describe a Job by what a test is about."""
    since = (NOW - timedelta(seconds=age)).isoformat()
    job = {
        "metadata": {
            "name": "a-job",
            "creationTimestamp": since,
            "labels": {f"{LABEL}role": role, f"{LABEL}job": "a-job"},
            "annotations": {STARTUP_TIMEOUT: "600", SCHEDULING_TIMEOUT: "900"},
            **more,
        },
        "spec": {"activeDeadlineSeconds": 3600, "template": {}},
        "status": {"startTime": since, "conditions": list(conditions)},
    }
    return ApiClient().deserialize(Answer(json.dumps(job)), "V1Job")


def scheduled(age: int, status: str = "True", **more: str) -> dict[str, Any]:
    """Describe the condition of a pod that tells whether it has a node."""
    since = (NOW - timedelta(seconds=age)).isoformat()
    return {"type": "PodScheduled", "status": status, "lastTransitionTime": since, **more}


def container(**state: Any) -> dict[str, Any]:
    """Describe the state of a container."""
    known = {"name": "main", "image": "steps", "imageID": "", "ready": False, "restartCount": 0}
    return {**known, "state": state}


def waiting(reason: str) -> dict[str, Any]:
    """Describe a container that waits."""
    return container(waiting={"reason": reason, "message": "so it says"})


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ({"phase": "Pending"}, JobState.QUEUED),
        ({"phase": "Running"}, JobState.RUNNING),
        ({"phase": "Unknown"}, JobState.RUNNING),
        ({"phase": "Succeeded"}, JobState.SUCCEEDED),
        ({"phase": "Failed"}, JobState.FAILED),
    ],
)
def test_phases(status: dict[str, Any], state: JobState) -> None:
    """Each has its state."""
    assert find(None, [a_pod(status)], None, NOW).state == state


def test_what_is_known_about_a_failure() -> None:
    """The pod's own reason, or its container's."""
    evicted = {"phase": "Failed", "reason": "Evicted", "message": "low on memory"}
    assert find(None, [a_pod(evicted)], None, NOW).reason == "Evicted: low on memory"
    ended = container(terminated={"reason": "OOMKilled", "exitCode": 137})
    killed = {"phase": "Failed", "containerStatuses": [ended]}
    assert find(None, [a_pod(killed)], None, NOW).reason == "OOMKilled (exit code 137)"


@pytest.mark.parametrize(
    ("since", "reason", "state"),
    [
        (100, "ContainerCreating", JobState.QUEUED),
        (100, "ImagePullBackOff", JobState.QUEUED),
        (700, "ImagePullBackOff", JobState.HELD),
    ],
)
def test_a_container_that_does_not_start(since: int, reason: str, state: JobState) -> None:
    """It gets its time, from when it had a node."""
    status = {
        "phase": "Pending",
        "conditions": [scheduled(since)],
        "containerStatuses": [waiting(reason)],
    }
    finding = find(None, [a_pod(status, age=10_000)], None, NOW)
    assert finding.state == state
    assert (reason == "ContainerCreating") == (finding.reason is None)


@pytest.mark.parametrize(("age", "state"), [(100, JobState.QUEUED), (1000, JobState.HELD)])
def test_a_pod_without_a_node(age: int, state: JobState) -> None:
    """It gets its time, and the scheduler's reason is told."""
    condition = scheduled(age, "False", reason="Unschedulable", message="0/3 nodes")
    finding = find(None, [a_pod({"phase": "Pending", "conditions": [condition]}, age)], None, NOW)
    assert finding.state == state
    assert "Unschedulable: 0/3 nodes" in str(finding.reason)


def test_a_lost_node() -> None:
    """Nobody confirms the end of a pod that should be gone."""
    late = (NOW - timedelta(seconds=60)).isoformat()
    finding = find(None, [a_pod({"phase": "Running"}, deletionTimestamp=late)], None, NOW)
    assert (finding.state, finding.is_given_up) == (JobState.FAILED, True)
    assert "n1" in str(finding.reason)


@pytest.mark.parametrize(
    ("since", "is_ready", "state"),
    [
        (100, True, JobState.RUNNING),
        (400, True, JobState.FAILED),
        (400, False, JobState.RUNNING),  # The container's own probe says so.
    ],
)
def test_a_silent_node(since: int, is_ready: bool, state: JobState) -> None:
    """The cluster calls the pod not ready, although its containers were."""
    transition = (NOW - timedelta(seconds=since)).isoformat()
    status = {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": transition}],
        "containerStatuses": [{**container(running={}), "ready": is_ready}],
    }
    finding = find(None, [a_pod(status)], None, NOW)
    assert (finding.state, finding.is_given_up) == (state, state == JobState.FAILED)


def test_a_step_has_one_attempt() -> None:
    """Its Job goes with its first pod, before what takes that one's place can run."""
    leaving = a_pod({"phase": "Running"}, 20, deletionTimestamp=NOW.isoformat())
    ended = a_pod({"phase": "Failed"}, 20, deletionTimestamp=NOW.isoformat())
    second = a_pod({"phase": "Running"}, 10, uid="second")
    for pods, state in (
        ([second, leaving], JobState.RUNNING),
        ([second, ended], JobState.FAILED),
        ([second], JobState.FAILED),
        ([], JobState.FAILED),
    ):
        assert needs_job(pods, "first")
        finding = find(a_job(30), pods, "first", NOW)
        assert (finding.state, finding.is_given_up, finding.reason) == (state, True, REMOVED)
    deleted = a_job(30, deletionTimestamp=NOW.isoformat())
    assert not find(deleted, [leaving], "first", NOW).is_given_up


def test_a_job_that_kubernetes_has_ended() -> None:
    """Its reason says more than that of its pod, which is told to go."""
    pod = a_pod({"phase": "Failed"}, 20, deletionTimestamp=NOW.isoformat())
    late = {"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "too long"}
    finding = find(a_job(30, late), [pod], "first", NOW)
    assert (finding.is_given_up, finding.reason) == (False, "DeadlineExceeded: too long")
    assert find(a_job(4000), [pod], "first", NOW).reason == "DeadlineExceeded"
    crashed = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}
    ended = a_pod({"phase": "Failed", "reason": "Evicted"})
    assert find(a_job(30, crashed), [ended], "first", NOW).reason == "Evicted"


def test_what_looks_after_a_run_has_more() -> None:
    """It goes on where its first pod has ended."""
    pods = [
        a_pod({"phase": "Failed"}, 20, "coordinator"),
        a_pod({"phase": "Running"}, 10, "coordinator", uid="second"),
    ]
    assert find(None, pods, "first", NOW).state == JobState.RUNNING
    assert find(None, pods[1:], "first", NOW).state == JobState.RUNNING


def test_without_a_pod() -> None:
    """A Job knows its own end; one that is young gets a pod soon."""
    assert find(None, [], None, NOW) == Finding(JobState.UNKNOWN)
    assert find(a_job(1), [], None, NOW).state == JobState.QUEUED
    assert find(a_job(1000), [], None, NOW).state == JobState.HELD
    late = {"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "too long"}
    finding = find(a_job(1, late), [], None, NOW)
    assert (finding.state, finding.reason) == (JobState.FAILED, "DeadlineExceeded: too long")
    done = {"type": "Complete", "status": "True"}
    assert find(a_job(1, done), [], None, NOW).state == JobState.SUCCEEDED
