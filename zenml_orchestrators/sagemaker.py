"""ZenML's `sagemaker` orchestrator on an emulated AWS API.

The real SageMaker SDK compiles the pipeline and boto3 makes the requests; `Account` answers them
in place of AWS. A step of a SageMaker pipeline is a job of the fake backend, and so is a
training job, which runs a dynamic pipeline's code or an isolated step.
"""

from __future__ import annotations

import json
import re
import time
from datetime import datetime, timezone
from typing import Any

import botocore.client
from botocore.exceptions import ClientError
from sagemaker.session import Session, _check_job_status
from zenml.integrations.aws.orchestrators import sagemaker_orchestrator
from zenml.orchestrators import BaseOrchestrator

from zenml_conformance.fake_backend import FakeBackend, Job, JobState
from zenml_conformance.protocol import EngineError
from zenml_orchestrators.emulation import (
    EmulatedHarness,
    let_components_look_remote,
    with_local_stores,
)
from zenml_orchestrators.executions import Executions, Task, state_of

ACCOUNT = "000000000000"
REGION = "us-east-1"
BUCKET = "emulated"
STATES = {JobState.RUNNING: "Executing", JobState.SUCCEEDED: "Succeeded", JobState.FAILED: "Failed"}
STEP_NAME = r"[A-Za-z0-9\-_]{1,64}"
"""The shape `StepName` of botocore's model of the service."""
TRAINING_STATES = {
    JobState.QUEUED: "InProgress",
    JobState.RUNNING: "InProgress",
    JobState.SUCCEEDED: "Completed",
    JobState.FAILED: "Failed",
    JobState.CANCELLED: "Stopped",
}
TRAINING_JOB_NAME = r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
"""The shape `TrainingJobName` of the same model."""
EXECUTION_ARN = {"Get": "Execution.PipelineExecutionArn"}


class Account:
    """What AWS says and does, as far as ZenML asks.

    Pipelines and their executions are here, and the schedules that start them.
    """

    def __init__(self, backend: FakeBackend) -> None:
        """Point at the backend.

        Args:
            backend: Runs the steps.
        """
        self.backend = backend
        self.executions = Executions(backend, f"{__name__}:tasks_of")

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """Answer a request in place of AWS.

        Args:
            operation: Its name, as boto3 has it.
            request: Its parameters.

        Returns:
            The response.

        Raises:
            ClientError: Where AWS would answer with an error.
        """
        answer = getattr(self, operation, None)
        if answer is None:
            raise NotImplementedError(f"the emulated account does not know {operation}")
        try:
            response: dict[str, Any] = answer(**request)
        except EngineError as error:
            raise refusal(operation, "ResourceLimitExceeded", str(error)) from error
        return response

    def CreatePipeline(self, **request: Any) -> dict[str, Any]:
        """Keep a pipeline's definition."""
        name = request["PipelineName"]
        for step in json.loads(request["PipelineDefinition"])["Steps"]:
            if not re.fullmatch(STEP_NAME, step["Name"]):
                message = f"Step name {step['Name']!r} does not match {STEP_NAME}"
                raise refusal("CreatePipeline", "ValidationException", message)
        self.backend.note(f"pipelines/{name.lower()}", request["PipelineDefinition"])
        return {"PipelineArn": pipeline_arn(name)}

    def DescribePipeline(self, PipelineName: str, **_: Any) -> dict[str, Any]:
        """Find a pipeline."""
        self._definition(PipelineName, "DescribePipeline")
        return {"PipelineArn": pipeline_arn(PipelineName), "PipelineName": PipelineName}

    def StartPipelineExecution(self, PipelineName: str, **_: Any) -> dict[str, Any]:
        """Run a pipeline."""
        definition = self._definition(PipelineName, "StartPipelineExecution")
        execution = self.executions.start([PipelineName, definition])
        return {"PipelineExecutionArn": execution_arn(PipelineName, execution)}

    def DescribePipelineExecution(self, PipelineExecutionArn: str, **_: Any) -> dict[str, Any]:
        """Say where an execution is."""
        state = self.executions.state(PipelineExecutionArn.rpartition("/")[2])
        if state not in STATES:
            raise refusal("DescribePipelineExecution", "ResourceNotFound", PipelineExecutionArn)
        return {
            "PipelineExecutionArn": PipelineExecutionArn,
            "PipelineExecutionStatus": STATES[state],
        }

    def CreateTrainingJob(self, **request: Any) -> dict[str, Any]:
        """Run a container. Its environment says which job it is."""
        name = request["TrainingJobName"]
        if not re.fullmatch(TRAINING_JOB_NAME, name):
            message = f"Training job name {name!r} does not match {TRAINING_JOB_NAME}"
            raise refusal("CreateTrainingJob", "ValidationException", message)
        if f"training-jobs/{name}" in self.backend.notes():
            raise refusal("CreateTrainingJob", "ResourceInUse", f"{name} already exists")
        arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/{name}"
        environment = {
            **request["Environment"],
            "TRAINING_JOB_NAME": name,
            "TRAINING_JOB_ARN": arn,
        }
        job = job_of(name, request, environment)
        self.backend.note(f"training-jobs/{name}", self.backend.submit(job))
        return {"TrainingJobArn": arn}

    def DescribeTrainingJob(self, TrainingJobName: str) -> dict[str, Any]:
        """Say where a training job is."""
        job_id = self.backend.notes().get(f"training-jobs/{TrainingJobName}")
        state = state_of(self.backend, job_id) if job_id else JobState.UNKNOWN
        if state is JobState.UNKNOWN:
            raise refusal("DescribeTrainingJob", "ResourceNotFound", TrainingJobName)
        return {"TrainingJobName": TrainingJobName, "TrainingJobStatus": TRAINING_STATES[state]}

    def StopTrainingJob(self, TrainingJobName: str) -> dict[str, Any]:
        """End a training job."""
        self.DescribeTrainingJob(TrainingJobName)
        self.backend.cancel(self.backend.notes()[f"training-jobs/{TrainingJobName}"])
        return {}

    def CreateSchedule(self, **request: Any) -> dict[str, Any]:
        """Have a pipeline started again and again."""
        name = request["Target"]["Arn"].rpartition("/")[2]
        words = request["ScheduleExpression"]
        cron = words.removeprefix("cron(").removesuffix(")").split()[:5]
        if not words.startswith("cron("):
            raise NotImplementedError(f"the emulated account has no schedules like {words}")
        definition = [name, self._definition(name, "CreateSchedule")]
        self.executions.schedule(definition, " ".join(cron).replace("?", "*"))
        arn = f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/default/{request['Name']}"
        return {"ScheduleArn": arn}

    def UpdateSchedule(self, **request: Any) -> dict[str, Any]:
        """Find no schedule to update: each pipeline has a name of its own."""
        raise refusal("UpdateSchedule", "ResourceNotFoundException", request["Name"])

    def ListBuckets(self, **_: Any) -> dict[str, Any]:
        """List the one bucket, into which nothing is written."""
        return {"Buckets": [{"Name": BUCKET, "CreationDate": datetime.now(timezone.utc)}]}

    def HeadBucket(self, **_: Any) -> dict[str, Any]:
        """Find the bucket."""
        return {}

    def ListDomains(self, **_: Any) -> dict[str, Any]:
        """List no domain of SageMaker Studio."""
        return {"Domains": []}

    def GetCallerIdentity(self) -> dict[str, Any]:
        """Name the account."""
        return {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:role/emulated"}

    def _definition(self, name: str, operation: str) -> str:
        definition = self.backend.notes().get(f"pipelines/{name.lower()}")
        if definition is None:
            raise refusal(operation, "ResourceNotFound", f"Pipeline {name!r} does not exist")
        return str(definition)


def pipeline_arn(name: str) -> str:
    """Name a pipeline, as AWS does.

    Args:
        name: Its name.

    Returns:
        Its ARN.
    """
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:pipeline/{name.lower()}"


def execution_arn(name: str, execution: str) -> str:
    """Name an execution, as AWS does.

    Args:
        name: The pipeline's name.
        execution: The execution's id.

    Returns:
        Its ARN.
    """
    return f"{pipeline_arn(name)}/execution/{execution}"


def refusal(operation: str, code: str, message: str) -> ClientError:
    """Make the exception that boto3 makes of an error's response.

    Args:
        operation: What was asked for.
        code: AWS's word for the error.
        message: What AWS says.

    Returns:
        The exception.
    """
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


def tasks_of(definition: list[str], execution: str) -> list[Task]:
    """Interpret a pipeline's definition.

    Args:
        definition: The pipeline's name, and its definition as JSON.
        execution: The execution's id. AWS makes the jobs' names of it and of the steps'.

    Returns:
        The tasks.
    """
    name, text = definition
    arn = execution_arn(name, execution)
    tasks = []
    for step in json.loads(text)["Steps"]:
        said = step["Arguments"]
        environment = {
            name: arn if value == EXECUTION_ARN else str(value)
            for name, value in said["Environment"].items()
        }
        job = job_of(f"pipelines-{execution[:12]}-{step['Name']}", said, environment)
        tasks.append(Task(step["Name"], job, tuple(step.get("DependsOn", ()))))
    return tasks


def job_of(name: str, said: dict[str, Any], environment: dict[str, str]) -> Job:
    """Say in the suite's words what a training job or a processing job says.

    Args:
        name: Its name.
        said: What it was requested with.
        environment: Its environment, with values in place of variables.

    Returns:
        The job.
    """
    container = said.get("AlgorithmSpecification") or said["AppSpecification"]
    return Job(
        name=name,
        command=(
            *container["ContainerEntrypoint"],
            *container.get("ContainerArguments", ()),
        ),
        environment=with_local_stores(environment),
        image=container.get("TrainingImage") or container.get("ImageUri"),
        labels={tag["Key"]: tag["Value"] for tag in said.get("Tags", ())},
        spec={**said, "Environment": list(environment)},
    )


def wait_for_training_job(session: Session, job_name: str, poll: float, **_: Any) -> None:
    """Do what the SDK does while it shows a training job's logs: it looks every 30 seconds.

    Args:
        session: The SDK's session.
        job_name: The training job's name.
        poll: Seconds between two looks.
    """
    while True:
        description = session.sagemaker_client.describe_training_job(TrainingJobName=job_name)
        if description["TrainingJobStatus"] != "InProgress":
            break
        time.sleep(poll)
    _check_job_status(job_name, description, "TrainingJobStatus")


class SagemakerHarness(EmulatedHarness):
    """Connects ZenML's `sagemaker` orchestrator through an emulated AWS API."""

    def config(self) -> dict[str, Any]:
        """Give what the component needs; nobody has this role."""
        return {
            "execution_role": f"arn:aws:iam::{ACCOUNT}:role/emulated",
            "scheduler_role": f"arn:aws:iam::{ACCOUNT}:role/emulated",
            "region": REGION,
            # The SDK knows the types, and refuses those that the suite would make up.
            "instance_type": "ml.m5.large",
            "bucket": BUCKET,
        }

    def connect(self, orchestrator_class: type[BaseOrchestrator], backend: FakeBackend) -> None:
        """Answer boto3's requests, and wait for pipelines without AWS's patience."""
        account = Account(backend)
        botocore.client.BaseClient._make_api_call = lambda self, operation, request: account.call(
            operation, request
        )
        sagemaker_orchestrator.POLLING_DELAY = 0.2  # type: ignore[assignment]
        sagemaker_orchestrator.MAX_POLLING_ATTEMPTS = 10_000
        Session.logs_for_job = wait_for_training_job
        let_components_look_remote()
