"""The backend, and what it asks of AWS: botocore checks each request against its own model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from botocore.stub import ANY, Stubber

from example_pkg.aws import translated_errors
from example_pkg.backend import (
    AWAITED_VARIABLE,
    CANCELLED,
    AcmeBackend,
)
from example_pkg.config import (
    AcmeOrchestratorConfig,
    AcmeOrchestratorSettings,
)
from example_pkg.core.jobs import (
    FINALIZER,
    FIRING,
    STEP,
    Job,
    JobState,
    NoRoomError,
    OutOfReachError,
    UnavailableError,
)

ACCOUNT = "123456789012"
REGION = "eu-central-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/zenml"
QUEUE = f"arn:aws:batch:{REGION}:{ACCOUNT}:job-queue/a-queue"
DEFINITION = f"arn:aws:batch:{REGION}:{ACCOUNT}:job-definition/zenml-4711:1"
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:zenml-4711-x"
SCHEDULE = f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/default/a-job"
JOB = {"jobId": "job-1", "jobName": "j", "jobQueue": "q", "jobDefinition": "d", "startedAt": 0}
TOKEN = "only for the job"  # noqa: S105 - it is none


def arn(number: int, account: str = ACCOUNT) -> str:
    """Return the id of a job."""
    return f"arn:aws:batch:{REGION}:{account}:job/job-{number}"


class Account:
    """An AWS account that answers what a test has it answer, in that order."""

    def __init__(self, patch: pytest.MonkeyPatch, account: str = ACCOUNT) -> None:
        """Have a queue; be the account that a test says."""
        session = boto3.Session("an-id", "a-key", region_name=REGION)
        config = AcmeOrchestratorConfig(
            queue="a-queue",
            execution_role=ROLE,
            scheduler_role=ROLE,
        )
        self.backend = AcmeBackend(config, lambda: session)
        names = ("batch", "scheduler", "secretsmanager", "sts")
        self.stubs = {name: Stubber(session.client(name)) for name in names}
        patch.setattr(self.backend.aws, "client", lambda name, *_, **__: self.stubs[name].client)
        self.answers(
            "batch",
            "describe_job_queues",
            jobQueues=[
                {
                    "jobQueueName": "a-queue",
                    "jobQueueArn": QUEUE,
                    "state": "ENABLED",
                    "priority": 1,
                    "computeEnvironmentOrder": [{"order": 1, "computeEnvironment": "there"}],
                }
            ],
        )
        resources = {"type": "EC2", "maxvCpus": 64, "subnets": []}
        self.answers("sts", "get_caller_identity", Account=account)
        there = {
            "computeEnvironmentName": "there",
            "computeEnvironmentArn": "there",
            "computeResources": resources,
        }
        self.answers("batch", "describe_compute_environments", computeEnvironments=[there])
        for stub in self.stubs.values():
            stub.activate()
        self.backend.queues.platform("a-queue")

    def answers(self, service: str, method: str, expected: Any = None, **answer: Any) -> None:
        """Have it answer the next request."""
        self.stubs[service].add_response(method, answer, expected)

    def refuses(self, service: str, method: str, code: str, status: int = 400) -> None:
        """Have it refuse the next request."""
        self.stubs[service].add_client_error(method, code, http_status_code=status)

    def knows(self, *jobs: dict[str, Any]) -> None:
        """Have it describe jobs."""
        described = [{**JOB, "jobArn": arn(1), **job} for job in jobs]
        self.answers("batch", "describe_jobs", jobs=described)

    def takes(self, number: int, expected: Any = None) -> None:
        """Have it take a job."""
        answer = {"jobName": "j", "jobId": f"job-{number}", "jobArn": arn(number)}
        self.answers("batch", "submit_job", expected, **answer)

    def registers(self, expected: Any = None, secret: Any = None) -> None:
        """Have it take a job definition, and the secret before it."""
        if secret is not None:
            self.answers("secretsmanager", "create_secret", secret, ARN=SECRET, Name="zenml-4711-x")
        known = {"jobDefinitionName": "d", "jobDefinitionArn": DEFINITION, "revision": 1}
        self.answers("batch", "register_job_definition", expected, **known)

    def has_been_asked_all(self) -> None:
        """Fail if an answer was not fetched."""
        for name in ("batch", "scheduler", "secretsmanager"):
            self.stubs[name].assert_no_pending_responses()


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """An account with a queue of EC2 instances."""
    account = Account(monkeypatch)
    yield account
    account.has_been_asked_all()


def a_job(role: str = STEP, **fields: Any) -> Job:
    """Describe a job by what a test is about."""
    known: dict[str, Any] = {
        "name": "a-job",
        "command": ("python", "-m", "a_module"),
        "environment": {"TOKEN": TOKEN},
        "image": "an/image",
        "settings": AcmeOrchestratorSettings(execution_role=ROLE),
        "labels": {"role": role, "run_id": "4711"},
    }
    return Job(**{**known, **fields})


def a_secret(**environment: str) -> dict[str, Any]:
    """Return the request that keeps an environment secret."""
    return {
        "Name": ANY,
        "Description": ANY,
        "Tags": ANY,
        "SecretString": json.dumps(environment),
    }


def test_a_job(account: Account) -> None:
    """Its environment is in a secret, and nowhere in what Batch is told; it is tried once."""
    asked = [{"type": "VCPU", "value": "2"}, {"type": "MEMORY", "value": "954"}]
    definition = {
        "jobDefinitionName": "zenml-4711",
        "type": "container",
        "platformCapabilities": ["EC2"],
        "containerProperties": {
            "image": "an/image",
            "executionRoleArn": ROLE,
            "resourceRequirements": asked,
            "secrets": [{"name": "TOKEN", "valueFrom": f"{SECRET}:TOKEN::"}],
            "linuxParameters": {"initProcessEnabled": True},
        },
    }
    account.registers(definition, secret=a_secret(TOKEN=TOKEN))
    submission = {
        "jobName": "a-job",
        "jobQueue": "a-queue",
        "jobDefinition": DEFINITION,
        "dependsOn": [{"jobId": "job-1"}],
        "containerOverrides": {"command": ["python", "-m", "a_module"], "environment": ANY},
        "retryStrategy": {"attempts": 1},
        "propagateTags": True,
        "tags": {"zenml.role": "step", "zenml.run_id": "4711"},
    }
    account.takes(2, submission)
    job = a_job(cpu=1.5, memory=10**9, depends_on=(arn(1),))
    account.backend.check(job)
    assert account.backend.submit(job) == arn(2)


def test_jobs_of_a_run_share_what_they_can(account: Account) -> None:
    """Another job with the same environment needs no secret; one of the same size, nothing."""
    account.registers(secret=a_secret(TOKEN=TOKEN))
    account.takes(1)
    account.takes(2)
    account.registers()
    account.takes(3)
    for job in (a_job(), a_job(name="b-job"), a_job(cpu=8)):
        account.backend.submit(job)


def test_fifty_parents(account: Account) -> None:
    """Batch takes 20. Three jobs that do nothing but wait for those are the parents instead."""
    parents = tuple(sorted(arn(number) for number in range(50)))
    ids = [{"jobId": parent.rpartition("/")[2]} for parent in parents]
    common = dict.fromkeys(
        ("jobName", "jobQueue", "jobDefinition", "tags", "propagateTags", "retryStrategy"), ANY
    )
    rest = {**common, "containerOverrides": ANY}
    account.registers()
    for number, start in enumerate((0, 20, 40)):
        account.takes(100 + number, {**rest, "dependsOn": ids[start : start + 20]})
    account.registers(secret=a_secret(TOKEN=TOKEN))
    joins = [{"jobId": f"job-{number}"} for number in (100, 101, 102)]
    account.takes(200, {**rest, "dependsOn": joins})
    assert account.backend.submit(a_job(depends_on=parents)) == arn(200)
    # A second job with the same parents has the same three.
    account.takes(201, {**rest, "dependsOn": joins})
    assert account.backend.submit(a_job(name="b-job", depends_on=parents)) == arn(201)


def test_the_finalizer_waits_by_itself(account: Account) -> None:
    """Batch would end it as soon as one of the others fails."""
    awaited = {AWAITED_VARIABLE: f"{arn(1)} {arn(2)}", "TOKEN": TOKEN}
    account.registers(secret=a_secret(TOKEN=TOKEN) | {"SecretString": ANY})
    account.takes(3)
    job = a_job(FINALIZER, depends_on=(arn(1), arn(2)), start_when="ended")
    account.backend.submit(job)
    known = list(account.backend.definitions._known)
    assert any(json.dumps(awaited, sort_keys=True) in key for key in known)


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("TooManyRequestsException", 429, NoRoomError),
        ("ServerException", 500, UnavailableError),
        ("ClientException", 400, ClientError),
        ("AccessDeniedException", 403, ClientError),
    ],
)
def test_a_refused_submission(
    account: Account, code: str, status: int, error: type[Exception]
) -> None:
    """The core tries again when AWS is busy, and not when AWS does not want the job."""
    account.registers(secret=a_secret(TOKEN=TOKEN))
    account.refuses("batch", "submit_job", code, status)
    with pytest.raises(error, match=code):
        account.backend.submit(a_job())


def test_a_job_that_was_taken_is_found(account: Account) -> None:
    """By its name, if only the answer was lost."""
    asked = {"jobQueue": "a-queue", "filters": [{"name": "JOB_NAME", "values": ["a-job"]}]}
    found = [{"jobId": "job-1", "jobName": "a-job", "jobArn": arn(1)}]
    account.answers("batch", "list_jobs", asked, jobSummaryList=found)
    assert account.backend.find(a_job()) == arn(1)
    account.answers("batch", "list_jobs", asked, jobSummaryList=[])
    assert account.backend.find(a_job()) is None


@pytest.mark.parametrize(
    ("status", "reason", "state"),
    [
        ("SUBMITTED", None, JobState.QUEUED),
        ("PENDING", None, JobState.QUEUED),
        ("RUNNABLE", None, JobState.QUEUED),
        ("RUNNABLE", "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - wait", JobState.QUEUED),
        ("RUNNABLE", "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - large", JobState.HELD),
        ("STARTING", None, JobState.RUNNING),
        ("RUNNING", None, JobState.RUNNING),
        ("SUCCEEDED", None, JobState.SUCCEEDED),
        ("FAILED", "Essential container in task exited", JobState.FAILED),
        ("FAILED", CANCELLED, JobState.CANCELLED),
    ],
)
def test_a_state(account: Account, status: str, reason: str | None, state: JobState) -> None:
    """Batch has no word for a job that was cancelled but the reason that it was given."""
    said = {} if reason is None else {"statusReason": reason}
    account.knows({**JOB, "status": status, **said})
    assert account.backend.status(arn(1)) == state


def test_many_states(account: Account) -> None:
    """A hundred with each request. Jobs that Batch has forgotten are gone for good."""
    ids = [f"job-{number}" for number in range(250)]
    for start in (0, 100, 200):
        account.answers("batch", "describe_jobs", {"jobs": ids[start : start + 100]}, jobs=[])
    states = account.backend.statuses([arn(number) for number in range(250)])
    assert len(states) == 250
    assert set(states.values()) == {JobState.UNKNOWN}


def test_another_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """To it, the jobs would look as if they had never been, and their run would count as dead."""
    account = Account(monkeypatch, "999999999999")
    with pytest.raises(OutOfReachError, match="credentials here are for 999999999999"):
        account.backend.statuses([arn(1)])


def test_no_credentials_and_no_answer() -> None:
    """Who asks without credentials is told so; an outage is nobody's fault."""
    with pytest.raises(OutOfReachError, match="service connector"), translated_errors():
        raise NoCredentialsError
    with pytest.raises(UnavailableError, match="not answered"), translated_errors():
        raise EndpointConnectionError(endpoint_url="https://batch")


def test_cancel(account: Account) -> None:
    """A job that has ended is left alone."""
    account.knows({"status": "RUNNING"})
    account.answers("batch", "terminate_job", {"jobId": "job-1", "reason": CANCELLED})
    account.backend.cancel(arn(1))
    account.knows({"status": "FAILED"})
    account.backend.cancel(arn(1))


def removal(account: Account, name: str) -> None:
    """Have an account know one definition with one secret, and give them up."""
    account.answers(
        "batch",
        "describe_job_definitions",
        {"jobDefinitionName": name, "status": "ACTIVE"},
        jobDefinitions=[
            {
                "jobDefinitionName": name,
                "jobDefinitionArn": DEFINITION,
                "revision": 1,
                "type": "container",
                "containerProperties": {
                    "secrets": [
                        {"name": name, "valueFrom": f"{SECRET}:{name}::"} for name in ("A", "B")
                    ]
                },
            }
        ],
    )
    deletion = {"SecretId": SECRET, "ForceDeleteWithoutRecovery": True}
    account.answers("secretsmanager", "delete_secret", deletion)
    account.answers("batch", "deregister_job_definition", {"jobDefinition": DEFINITION})


def test_cancel_of_the_finalizer(account: Account) -> None:
    """The run is being stopped: what was registered for it goes."""
    tags = {"zenml.role": FINALIZER, "zenml.run_id": "4711"}
    account.knows({"status": "RUNNABLE", "tags": tags})
    account.answers("batch", "terminate_job", {"jobId": "job-1", "reason": CANCELLED})
    removal(account, "zenml-4711")
    account.backend.cancel(arn(1))


def test_a_schedule(account: Account) -> None:
    """EventBridge Scheduler submits the job, spelled as it wants that; to end it ends all."""
    job = a_job(FIRING, labels={"role": FIRING, "pipeline": "p"})
    account.registers(secret=a_secret(TOKEN=TOKEN))
    expected = {
        "JobName": "a-job",
        "JobQueue": QUEUE,
        "JobDefinition": DEFINITION,
        "Tags": {"zenml.role": FIRING, "zenml.pipeline": "p"},
        "PropagateTags": True,
        "RetryStrategy": {"Attempts": 1},
    }
    target = {
        "Arn": "arn:aws:scheduler:::aws-sdk:batch:submitJob",
        "RoleArn": ROLE,
        "Input": json.dumps(expected),
    }
    request = {
        "Name": "a-job",
        "ScheduleExpression": "cron(30 6 ? * MON *)",
        "ScheduleExpressionTimezone": "UTC",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": target,
    }
    account.answers("scheduler", "create_schedule", request, ScheduleArn=SCHEDULE)
    assert account.backend.schedule(job, "30 6 * * 1") == SCHEDULE

    account.refuses("scheduler", "delete_schedule", "ResourceNotFoundException", 404)
    removal(account, "zenml-a-job")
    account.backend.unschedule(SCHEDULE)


def test_recorded_resources(account: Account) -> None:
    """As Batch has them, in the core's units."""
    sizes = {"VCPU": "0.5", "MEMORY": "1024", "GPU": "2"}
    asked = [{"type": kind, "value": value} for kind, value in sizes.items()]
    account.knows({"status": "RUNNING", "container": {"resourceRequirements": asked}})
    recorded = account.backend.recorded_resources(arn(1))
    assert recorded is not None
    assert (recorded.cpu, recorded.memory, recorded.gpus) == (0.5, 2**30, 2)
