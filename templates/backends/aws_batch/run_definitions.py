"""Job definitions, and the secrets with the environments of jobs, which they refer to.

`DescribeJobs` shows a job's environment, unless it comes from Secrets Manager. Only job definitions
can refer to a secret, so a run has some of its own. Both go when the run has ended.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import uuid4

from .aws import Arn, Aws, translated_errors
from .batch_limits import DEFINITION_BYTES, SECRET_BYTES, check_size, json_size

PREFIX = "zenml-"

ARN_OF_ANY = f"arn:aws-us-gov:secretsmanager:{'r' * 16}:{'0' * 12}:secret:{PREFIX}{'x' * 107}"
"""No ARN of a secret is longer: the name of a group has at most 63 characters."""

FEWER = "Set fewer or shorter variables in the `environment` of the step, pipeline or stack."


class RunDefinitions:
    """What is registered for the jobs of a run, each thing once for all jobs that can share it.

    A *group* is what goes together: a run, or a schedule. Its name is that of its job definitions,
    without the prefix.
    """

    def __init__(self, aws: Aws, kms_key: str | None) -> None:
        """Prepare; register nothing.

        Args:
            aws: The clients.
            kms_key: The key that encrypts secrets; None for the account's default.
        """
        self._aws = aws
        self._kms_key = kms_key
        self._known: dict[str, Any] = {}
        self._changes = threading.RLock()

    def check(self, properties: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        """Refuse what would be too large.

        Args:
            properties: The container's properties, without secrets.
            environment: The environment.

        Raises:
            ValueError: If it would be.
        """
        secrets = []
        for part in _parts(environment):
            check_size("environment", json_size(part), SECRET_BYTES, FEWER)
            secrets += _references(ARN_OF_ANY, part)
        definition = json_size({**properties, "secrets": secrets})
        check_size("job definition", definition, DEFINITION_BYTES, FEWER)

    def register(
        self,
        group: str,
        properties: Mapping[str, Any],
        environment: Mapping[str, str],
        platform: str,
    ) -> str:
        """Have a job definition.

        Args:
            group: The run or schedule.
            properties: The container's properties, without secrets.
            environment: The environment.
            platform: Where the job will run.

        Returns:
            The ARN of the definition.

        Raises:
            UnavailableError: If AWS has not answered.
            ClientError: If AWS refuses it.
        """
        with self._changes, translated_errors(of_submission=True):
            key = json.dumps([group, properties, dict(environment), platform], sort_keys=True)
            if key not in self._known:
                secrets = [
                    reference
                    for part in _parts(environment)
                    for reference in _references(self._secret(group, part), part)
                ]
                answer = self._aws.client("batch").register_job_definition(
                    jobDefinitionName=PREFIX + group,
                    type="container",
                    platformCapabilities=[platform],
                    containerProperties={**properties, "secrets": secrets},
                )
                self._known[key] = answer["jobDefinitionArn"]
            arn: str = self._known[key]
            return arn

    def remove(self, group: str) -> None:
        """Remove everything of a group. Jobs that have started go on.

        Raises:
            Exception: If AWS can't be asked, or refuses.
        """
        with self._changes, translated_errors():
            self._known.clear()
            batch = self._aws.client("batch")
            pages = batch.get_paginator("describe_job_definitions").paginate(
                jobDefinitionName=PREFIX + group, status="ACTIVE"
            )
            definitions = [found for page in pages for found in page["jobDefinitions"]]
            # The secrets first: they are found through the definitions.
            for secret in {arn for found in definitions for arn in _secrets_of(found)}:
                self._aws.client("secretsmanager", Arn.parse(secret).region).delete_secret(
                    SecretId=secret, ForceDeleteWithoutRecovery=True
                )
            for found in definitions:
                batch.deregister_job_definition(jobDefinition=found["jobDefinitionArn"])

    def _secret(self, group: str, environment: Mapping[str, str]) -> str:
        text = json.dumps(environment, sort_keys=True)
        key = f"{group} {text}"
        if key not in self._known:
            key_id = {"KmsKeyId": self._kms_key} if self._kms_key else {}
            answer = self._aws.client("secretsmanager").create_secret(
                Name=f"{PREFIX}{group}-{uuid4().hex}",
                SecretString=text,
                Description="The environment of jobs of a ZenML run. It goes when the run ends.",
                Tags=[{"Key": "zenml.group", "Value": group}],
                **key_id,
            )
            self._known[key] = answer["ARN"]
        arn: str = self._known[key]
        return arn


def _parts(environment: Mapping[str, str]) -> Iterable[dict[str, str]]:
    """Divide an environment into as few secrets as will do."""
    part: dict[str, str] = {}
    for name, value in sorted(environment.items()):
        if part and json_size({**part, name: value}) > SECRET_BYTES:
            yield part
            part = {}
        part[name] = value
    if part:
        yield part


def _references(secret: str, names: Iterable[str]) -> list[dict[str, str]]:
    return [{"name": name, "valueFrom": f"{secret}:{name}::"} for name in names]


def _secrets_of(definition: Mapping[str, Any]) -> Iterable[str]:
    for reference in definition.get("containerProperties", {}).get("secrets", ()):
        arn, _, _, _ = reference["valueFrom"].rsplit(":", 3)
        yield arn
