"""An emulated AWS on this machine, whose Batch runs jobs in containers of Podman's engine."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import boto3
import requests
from botocore.exceptions import BotoCoreError, ClientError

from engine import HOME, Daemon, Engine, EngineError, free_ports, wait_for
from podman_service import BASE_IMAGE, Podman

ACCOUNT = "123456789012"
"""Moto's."""

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "emulated", "AWS_SECRET_ACCESS_KEY": "emulated"}
REGION = "eu-central-1"
QUEUES = {"zenml": "EC2", "zenml-fargate": "FARGATE"}
"""The job queues, and what their jobs are said to run on."""

PROBE_SECONDS = 60.0


class EmulatedAws(Engine):
    """Moto's server, and the queues."""

    name = "aws"

    def __init__(self, home: Path = HOME) -> None:
        """Describe the server.

        Args:
            home: The directory of all engines.
        """
        super().__init__(home)
        self.podman = Podman(home)
        self.server = Daemon(self.home, "server")

    @property
    def daemons(self) -> Sequence[Daemon]:
        """The processes that it is made of."""
        return (self.server,)

    def environment(self) -> dict[str, str]:
        """Return the variables that lead to it, for any client of AWS's."""
        port = json.loads(self._port.read_text(encoding="utf-8"))
        return {
            **CREDENTIALS,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        }

    def up(self) -> None:
        """Start the server, and make the queues, which it keeps in memory.

        Raises:
            EngineError: If it does not come up.
        """
        if not self.podman.is_up:
            raise EngineError("it needs the engine podman, which is not up")
        self.home.mkdir(parents=True, exist_ok=True)
        if self.server.process() is None:
            (port,) = free_ports(1)
            self._port.write_text(json.dumps(port), encoding="utf-8")
            program = Path(__file__).with_name("aws_emulation.py")
            self.server.start(
                sys.executable, program, str(port), environment=self.podman.environment()
            )
        wait_for("the server to answer", self._answers, [self.server])
        try:
            self._make_queues()
        except (BotoCoreError, ClientError) as error:
            raise EngineError(f"the queues can't be made: {error}") from error

    def check(self) -> str:
        """Run a job.

        Raises:
            EngineError: If it does not succeed.
        """
        try:
            state = self._probe()
        except (BotoCoreError, ClientError) as error:
            raise EngineError(f"a job can't be submitted: {error}") from error
        if state != "SUCCEEDED":
            raise EngineError(f"a job should have succeeded, and is {state}")
        return "an emulation: a job ran"

    def client(self, service: str) -> Any:
        """Return a client of this AWS, whatever the environment says."""
        known = self.environment()
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=known["AWS_ENDPOINT_URL"],
            aws_access_key_id=known["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=known["AWS_SECRET_ACCESS_KEY"],
        )

    @property
    def _port(self) -> Path:
        return self.home / "port.json"

    def _answers(self) -> None:
        address = self.environment()["AWS_ENDPOINT_URL"]
        try:
            requests.get(f"{address}/moto-api/", timeout=5).raise_for_status()
        except requests.RequestException as error:
            raise EngineError(str(error)) from error

    def _make_queues(self) -> None:
        batch, ec2, iam = self.client("batch"), self.client("ec2"), self.client("iam")
        if batch.describe_job_queues()["jobQueues"]:
            return
        role = iam.create_role(RoleName="zenml", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        instances = iam.create_instance_profile(InstanceProfileName="zenml")["InstanceProfile"]
        common = {
            "maxvCpus": 256,
            "subnets": [ec2.describe_subnets()["Subnets"][0]["SubnetId"]],
            "securityGroupIds": [ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]],
        }
        of_instances = {
            "minvCpus": 0,
            "desiredvCpus": 0,
            "instanceTypes": ["optimal"],
            "instanceRole": instances["Arn"],
        }
        for name, kind in QUEUES.items():
            made = batch.create_compute_environment(
                computeEnvironmentName=name,
                type="MANAGED",
                state="ENABLED",
                computeResources={
                    "type": kind, **common, **(of_instances if kind == "EC2" else {})
                },
                serviceRole=role,
            )  # fmt: skip
            environment = {"order": 1, "computeEnvironment": made["computeEnvironmentArn"]}
            batch.create_job_queue(
                jobQueueName=name,
                state="ENABLED",
                priority=1,
                computeEnvironmentOrder=[environment],
            )

    def _probe(self) -> str:
        batch = self.client("batch")
        definition = batch.register_job_definition(
            jobDefinitionName="probe",
            type="container",
            containerProperties={
                "image": BASE_IMAGE,
                "command": ["true"],
                "resourceRequirements": [
                    {"type": "VCPU", "value": "1"},
                    {"type": "MEMORY", "value": "64"},
                ],
            },
        )["jobDefinitionArn"]
        job = batch.submit_job(jobName="probe", jobQueue="zenml", jobDefinition=definition)
        deadline = time.monotonic() + PROBE_SECONDS
        while True:
            state = str(batch.describe_jobs(jobs=[job["jobId"]])["jobs"][0]["status"])
            if state in ("SUCCEEDED", "FAILED") or time.monotonic() > deadline:
                return state
            time.sleep(0.2)
