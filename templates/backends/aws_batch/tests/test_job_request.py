"""Jobs in the words of Batch, and what it does not take."""

from __future__ import annotations

from typing import Any

import pytest

from example_pkg.config import (
    AcmeOrchestratorConfig,
    AcmeOrchestratorSettings,
)
from example_pkg.console import job_url, logs_url
from example_pkg.core.jobs import FINALIZER, ORCHESTRATION, STEP, Job
from example_pkg.fargate import fargate_size
from example_pkg.job_request import (
    EC2,
    FARGATE,
    check_words,
    container_overrides,
    container_properties,
    submission_options,
)

ROLE = "arn:aws:iam::123456789012:role/zenml"
CONFIG = AcmeOrchestratorConfig(queue="a-queue", execution_role=ROLE)


def a_job(role: str = STEP, chosen: dict[str, Any] | None = None, **fields: Any) -> Job:
    """Describe a job by what a test is about."""
    known: dict[str, Any] = {
        "name": "a-job",
        "command": ("python", "-m", "a_module", "an argument"),
        "environment": {},
        "image": "an/image",
        "labels": {"role": role},
    }
    chosen = {"execution_role": ROLE, **(chosen or {})}
    settings = AcmeOrchestratorSettings(**chosen)
    return Job(**{**known, "settings": settings, **fields})


@pytest.mark.parametrize(
    ("cpu", "mebibytes", "size"),
    [
        (0.1, 1, (0.25, 512)),
        (0.25, 2048, (0.25, 2048)),
        (0.25, 2049, (0.5, 3072)),
        (1, 512, (1, 2048)),
        (1, 8193, (2, 9216)),
        (3, 4096, (4, 8192)),
        (8, 20_000, (8, 20_480)),
        (5, 61_441, (16, 65_536)),
        (16, 122_880, (16, 122_880)),
    ],
)
def test_fargate_rounds_up(cpu: float, mebibytes: int, size: tuple[float, int]) -> None:
    """To the smallest of its sizes that has both."""
    assert fargate_size(cpu, mebibytes) == size


@pytest.mark.parametrize(("cpu", "mebibytes"), [(17, 1), (1, 122_881)])
def test_too_large_for_fargate(cpu: float, mebibytes: int) -> None:
    """The message says what to do."""
    with pytest.raises(ValueError, match="EC2 instances in the setting `queue`"):
        fargate_size(cpu, mebibytes)


@pytest.mark.parametrize(
    ("job", "platform", "size"),
    [
        (a_job(), EC2, {"VCPU": "1", "MEMORY": "2048"}),
        (a_job(cpu=1.5, memory=10**9, gpus=2), EC2, {"VCPU": "2", "MEMORY": "954", "GPU": "2"}),
        (a_job(gpus=0), EC2, {"VCPU": "1", "MEMORY": "2048"}),
        (a_job(memory=1), EC2, {"VCPU": "1", "MEMORY": "4"}),
        (a_job(cpu=0.3, memory=2**30), FARGATE, {"VCPU": "0.5", "MEMORY": "1024"}),
        (a_job(FINALIZER), FARGATE, {"VCPU": "0.25", "MEMORY": "1024"}),
        (a_job(FINALIZER), EC2, {"VCPU": "1", "MEMORY": "1024"}),
        (a_job(ORCHESTRATION), FARGATE, {"VCPU": "1", "MEMORY": "2048"}),
    ],
)
def test_sizes(job: Job, platform: str, size: dict[str, str]) -> None:
    """Whole vCPUs on EC2, and at least the 4 MiB that Batch asks for."""
    asked = container_properties(job, CONFIG, platform)["resourceRequirements"]
    assert {entry["type"]: entry["value"] for entry in asked} == size


def test_settings() -> None:
    """Each has its place in what Batch is told; more of it can be said in its own words."""
    chosen = {
        "job_role": f"{ROLE}-job",
        "assign_public_ip": True,
        "timeout_seconds": 90,
        "share_identifier": "physics",
        "scheduling_priority": 0,
        "tags": {"team": "a"},
        "container_properties": {"linuxParameters": {"sharedMemorySize": 64}},
    }
    job = a_job(chosen=chosen)
    properties = container_properties(job, CONFIG, FARGATE)
    assert properties["jobRoleArn"] == f"{ROLE}-job"
    assert properties["networkConfiguration"] == {"assignPublicIp": "ENABLED"}
    assert properties["linuxParameters"] == {"sharedMemorySize": 64, "initProcessEnabled": True}
    assert submission_options(job) == {
        "tags": {"team": "a", "zenml.role": "step"},
        "propagateTags": True,
        "retryStrategy": {"attempts": 1},
        "timeout": {"attemptDurationSeconds": 90},
        "shareIdentifier": "physics",
        "schedulingPriorityOverride": 0,
    }
    # A control job outlives the steps.
    assert "timeout" not in submission_options(a_job(FINALIZER, chosen))


def test_commands() -> None:
    """The job that looks after a run is told to wait for others first."""
    command = ["python", "-m", "a_module", "an argument"]
    assert container_overrides(a_job(), "r")["command"] == command
    wrapped = container_overrides(a_job(FINALIZER), "r")["command"]
    assert wrapped[2].endswith(".control_job")
    assert wrapped[3:] == command[2:]


@pytest.mark.parametrize(
    ("fields", "platform", "message"),
    [
        ({"image": None}, EC2, "no image to run in"),
        ({"chosen": {"execution_role": None}}, EC2, "no execution role"),
        ({"gpus": 1}, FARGATE, "Fargate has none"),
        ({"cpu": 17}, FARGATE, "at most 16 vCPUs"),
        ({"command": ("echo", "Ref::x")}, EC2, "'Ref::x' is in its command"),
        ({"command": ("echo", "x" * 9000)}, EC2, "command has 9.* bytes, and AWS takes 8192"),
        ({"environment": {"AWS_BATCH_X": ""}}, EC2, "takes no variable of that name"),
        ({"environment": {"A:B": ""}}, EC2, "takes no variable of that name"),
    ],
)
def test_what_batch_does_not_take(fields: dict[str, Any], platform: str, message: str) -> None:
    """Nothing has been submitted then."""
    with pytest.raises(ValueError, match=message):
        check_words(a_job(**fields), CONFIG, platform, "r")


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"command": ["x"]}, "it is the step"),
        ({"ulimit": []}, "knows no container property 'ulimit'"),
        ({"privileged": "yes"}, "Invalid type for parameter privileged"),
    ],
)
def test_wrong_container_properties(properties: dict[str, Any], message: str) -> None:
    """What botocore's model of Batch does not know is refused where it is set."""
    with pytest.raises(ValueError, match=message):
        AcmeOrchestratorSettings(container_properties=properties)


def test_pages_of_the_console() -> None:
    """In the partition of the job; none is made up for others."""
    job = "arn:aws-cn:batch:cn-north-1:123456789012:job/job-1"
    start = "https://cn-north-1.console.amazonaws.cn"
    assert job_url(job) == f"{start}/batch/home?region=cn-north-1#jobs/detail/job-1"
    assert (logs_url(job) or "").startswith(f"{start}/cloudwatch/home?region=cn-north-1#logsV2")
    assert job_url(job.replace("aws-cn", "aws-iso")) is None
