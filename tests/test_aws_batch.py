"""The pattern `aws_batch` on an emulated AWS, which `AWS_ENDPOINT_URL` leads to.

The API is moto's, and containers of a real engine are underneath (docs/engines.md).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import docker
import pytest
from botocore.awsrequest import AWSResponse

from engines import ROOT, Engines
from real_engine import LISTEN, NASTY, SHOW, SLEEP, GeneratedBackend, generated, needs, wait_for

VARIABLE = "AWS_ENDPOINT_URL"
ENVIRONMENT = {"NASTY": NASTY, "EMPTY": "", "LARGE": "y" * 64_000}
"""More than fits into one secret."""

DIGEST = f"""
import hashlib, os
text = ascii(sorted((name, os.environ.get(name)) for name in {[*ENVIRONMENT]}))
print(hashlib.sha256(text.encode()).hexdigest())
"""
"""The whole would be more than the engine has in one line of a log."""

ROLE = "arn:aws:iam::123456789012:role/zenml"

pytestmark = needs(VARIABLE)


@pytest.fixture(scope="module", autouse=True)
def project(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A generated project, importable."""
    directory = tmp_path_factory.mktemp("aws")
    with generated(engines, directory, "aws_batch", Cloud.name, VARIABLE) as project:
        yield project


class Cloud(GeneratedBackend):
    """A backend of the generated project's, and what tests ask of it and of AWS."""

    name = "cloud"
    patience = 300.0

    def __init__(self, **config: Any) -> None:
        """Make a backend.

        Args:
            **config: The configuration of the component.
        """
        self.session = boto3.Session()
        known = {"queue": "zenml", "scheduler_role": ROLE, "poll_seconds": 0.2}
        super().__init__(**{**known, **config})
        self.defaults |= {"image": "zenml-kit-base", "environment": {}}
        self.batch = self.session.client("batch")
        self.engine = docker.DockerClient.from_env()

    def make(self, backend_class: Any, config: Any) -> Any:
        """Make the backend, with the credentials that the environment has."""
        return backend_class(config, lambda: self.session)

    def job(self, code: str, **fields: Any) -> Any:
        """Describe a job that runs a line of Python."""
        labels = {"role": "step", "run_id": f"a-run-{os.getpid()}"}
        settings = {"execution_role": ROLE, **fields.pop("settings", {})}
        command = ("python", "-c", code)
        known = {"command": command, "labels": labels, "settings": settings}
        return super().job(code, **{**known, **fields})

    def described(self, job_id: str) -> dict[str, Any]:
        """What Batch says of a job."""
        (found,) = self.batch.describe_jobs(jobs=[job_id.rpartition("/")[2]])["jobs"]
        return dict(found)

    def container(self, job_id: str) -> Any:
        """The container of a job that runs."""
        name = f"{self.described(job_id)['jobName']}-{job_id.rpartition('/')[2]}"
        return self.engine.containers.get(name)

    def printed(self, job_id: str) -> str:
        """What a job has printed: from its log, which the emulation has at the end."""
        stream = self.described(job_id)["container"].get("logStreamName")
        if stream is None:
            return ""
        logs = self.session.client("logs")
        events = logs.get_log_events(logGroupName="/aws/batch/job", logStreamName=stream)
        return "\n".join(event["message"] for event in events["events"])

    def wait_for_output(self, job_id: str) -> None:
        """Wait until a job has printed something."""

        def has_printed() -> bool:
            try:
                return bool(self.container(job_id).logs())
            except docker.errors.APIError:
                return False

        wait_for(f"output of job {job_id}", has_printed, self.patience)

    def secrets(self, group: str) -> list[str]:
        """The secrets that there are for a run or a schedule."""
        client = self.session.client("secretsmanager")
        pages = client.get_paginator("list_secrets").paginate()
        names = [secret["Name"] for page in pages for secret in page["SecretList"]]
        return [name for name in names if name.startswith(f"zenml-{group}")]


@pytest.fixture
def cloud(project: Path) -> Iterator[Cloud]:
    """The backend; what a test leaves is ended and removed."""
    cloud = Cloud()
    yield cloud
    cloud.cancel_all()
    cloud.backend.definitions.remove(f"a-run-{os.getpid()}")


def test_the_environment_arrives_and_is_not_seen(cloud: Cloud) -> None:
    """Quotes, newlines, nothing at all, and a great deal; nothing of it stays behind."""
    job_id = cloud.submit(DIGEST, environment=ENVIRONMENT)
    assert cloud.end(job_id) == "succeeded"
    text = ascii(sorted(ENVIRONMENT.items()))
    assert cloud.printed(job_id) == hashlib.sha256(text.encode()).hexdigest()
    described = cloud.described(job_id)
    definitions = cloud.batch.describe_job_definitions(jobDefinitions=[described["jobDefinition"]])
    shown = json.dumps([described, definitions["jobDefinitions"]], default=str)
    assert "quoted" not in shown
    assert "yyyy" not in shown
    group = f"a-run-{os.getpid()}"
    assert len(cloud.secrets(group)) == 2
    cloud.backend.definitions.remove(group)
    assert cloud.secrets(group) == []
    active = {"jobDefinitionName": f"zenml-{group}", "status": "ACTIVE"}
    assert cloud.batch.describe_job_definitions(**active)["jobDefinitions"] == []


def test_fifty_parents(cloud: Cloud) -> None:
    """Batch takes 20. The job starts when all have succeeded."""
    parents = tuple(cloud.submit("") for _ in range(50))
    job_id = cloud.submit("print('last')", depends_on=parents)
    assert len(cloud.described(job_id)["dependsOn"]) == 3
    assert cloud.end(job_id) == "succeeded"
    states = cloud.backend.statuses(parents)
    assert {state.value for state in states.values()} == {"succeeded"}


def test_a_job_whose_parent_fails_does_not_start(cloud: Cloud) -> None:
    """And one that was killed has failed."""
    parent = cloud.submit(SLEEP)
    job_id = cloud.submit("print('started')", depends_on=(parent,))
    cloud.wait_for_output(parent)
    assert cloud.backend.status(job_id).value == "queued"
    cloud.container(parent).kill("SIGKILL")
    assert cloud.end(parent) == "failed"
    assert cloud.end(job_id) == "failed"
    assert cloud.printed(job_id) == ""


def test_a_cancelled_job_can_tidy_up(cloud: Cloud) -> None:
    """SIGTERM reaches Python itself. To cancel twice is harmless, and so is a job that waits."""
    job_id = cloud.submit(LISTEN)
    waiting = cloud.submit(SHOW, depends_on=(job_id,))
    cloud.wait_for_output(job_id)
    for _ in range(2):
        cloud.backend.cancel(waiting)
        cloud.backend.cancel(job_id)
    assert cloud.end(job_id) == cloud.end(waiting) == "cancelled"
    assert "told" in cloud.printed(job_id)


def test_throttling_is_survived(cloud: Cloud) -> None:
    """A submission is tried again, and the job is there once; questions are asked again."""
    refused: list[str] = []

    def throttle(event_name: str, request: Any, **_: Any) -> AWSResponse | None:
        operation = event_name.rpartition(".")[2]
        if refused.count(operation) > (0 if operation == "SubmitJob" else 2):
            return None
        refused.append(operation)
        headers = {"x-amzn-ErrorType": "TooManyRequestsException"}
        response = AWSResponse(request.url, 429, headers, None)
        response._content = b'{"message": "Too Many Requests"}'
        return response

    aws = cloud.backend.aws
    for client in (
        aws.client("batch"),
        aws.client("batch", attempts=1),
        aws.client("batch", "eu-central-1"),
    ):
        for operation in ("SubmitJob", "DescribeJobs"):
            client.meta.events.register(f"before-send.batch.{operation}", throttle)
    job_id = cloud.submit("")
    assert cloud.end(job_id) == "succeeded"
    assert refused.count("SubmitJob") == 1
    assert refused.count("DescribeJobs") == 3
    name = [{"name": "JOB_NAME", "values": [cloud.described(job_id)["jobName"]]}]
    assert len(cloud.batch.list_jobs(jobQueue="zenml", filters=name)["jobSummaryList"]) == 1


def test_many_jobs_are_asked_for_by_the_hundred(cloud: Cloud) -> None:
    """Those that AWS does not know are gone."""
    asked: list[int] = []
    client = cloud.backend.aws.client("batch", "eu-central-1")
    client.meta.events.register(
        "provide-client-params.batch.DescribeJobs",
        lambda params, **_: asked.append(len(params["jobs"])),
    )
    ids = [f"arn:aws:batch:eu-central-1:123456789012:job/{number}" for number in range(150)]
    assert {state.value for state in cloud.backend.statuses(ids).values()} == {"unknown"}
    assert asked == [100, 50]


def test_sizes_are_those_that_aws_has(cloud: Cloud) -> None:
    """Fargate rounds up and has no GPUs; an EC2 instance has."""
    fargate = {"settings": {"queue": "zenml-fargate"}}
    small = cloud.submit("", cpu=0.3, memory=1_200 * 2**20, **fargate)
    assert cloud.recorded(small) == (0.5, 2 * 2**30, 0)
    large = cloud.submit("", cpu=2, memory=700 * 10**6, gpus=1)
    assert cloud.recorded(large) == (2, 668 * 2**20, 1)
    for fields, message in (
        ({"gpus": 1, **fargate}, "Fargate has none"),
        ({"cpu": 300}, "at most 256"),
        ({"settings": {"queue": "nonesuch"}}, "no job queue 'nonesuch'"),
        ({"environment": {"HUGE": "x" * 70_000}}, "environment has .* and AWS takes 65536"),
    ):
        with pytest.raises(ValueError, match=message):
            cloud.backend.check(cloud.job("", **fields))


def test_the_policy_allows_what_is_done(cloud: Cloud) -> None:
    """Every operation, and nothing else (docs/aws-batch.md)."""
    done: set[str] = set()
    aws = cloud.backend.aws
    prefixes = {"secrets-manager": "secretsmanager"}

    def note(event_name: str, **_: Any) -> None:
        service, operation = event_name.split(".")[1:]
        done.add(f"{prefixes.get(service, service)}:{operation}")

    make = aws.client

    def noted(*arguments: Any, **keywords: Any) -> Any:
        client = make(*arguments, **keywords)
        client.meta.events.register("before-call", note, unique_id="noted")
        return client

    aws.client = noted
    first = cloud.submit("", labels={"role": "step", "run_id": "policy"})
    assert cloud.backend.find(cloud.job("", name=cloud.described(first)["jobName"])) == first
    cloud.backend.cancel(first)
    cloud.backend.unschedule(
        cloud.backend.schedule(cloud.job("", environment=ENVIRONMENT), "0 0 1 1 *")
    )
    cloud.backend.definitions.remove("policy")
    page = (ROOT / "docs" / "aws-batch.md").read_text(encoding="utf-8")
    policy = json.loads(page.partition("```json\n")[2].partition("```")[0])
    allowed = {action for statement in policy["Statement"] for action in statement["Action"]}
    # AWS asks for these when a request has tags, or names a role.
    implied = {"batch:TagResource", "secretsmanager:TagResource", "iam:PassRole"}
    # Who one is, may always be asked.
    assert done - {"sts:GetCallerIdentity"} == allowed - implied


def test_a_schedule(cloud: Cloud) -> None:
    """What EventBridge Scheduler is to submit can be submitted. The emulation never does it."""
    fields = {"labels": {"role": "firing"}, "environment": {"NASTY": NASTY}}
    job = cloud.job(SHOW, **fields)
    schedule = cloud.backend.schedule(job, "30 6 * * 1-5")
    scheduler = cloud.session.client("scheduler")
    kept = scheduler.get_schedule(Name=job.name)
    assert kept["ScheduleExpression"] == "cron(30 6 ? * MON,TUE,WED,THU,FRI *)"
    target = json.loads(kept["Target"]["Input"])
    fired = cloud.batch.submit_job(
        **{
            name[0].lower() + name[1:]: target[name]
            for name in ("JobName", "JobQueue", "JobDefinition")
        }
    )
    assert cloud.end(fired["jobArn"]) == "succeeded"
    assert "quoted" in cloud.printed(fired["jobArn"])
    for _ in range(2):
        cloud.backend.unschedule(schedule)
    assert cloud.secrets(job.name) == []
    with pytest.raises(scheduler.exceptions.ResourceNotFoundException):
        scheduler.get_schedule(Name=job.name)
