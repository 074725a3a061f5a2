"""Job queues, and what can run behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .aws import Aws, translated_errors
from .job_request import EC2, FARGATE


@dataclass(frozen=True)
class JobQueue:
    """A queue.

    Attributes:
        arn: Its ARN.
        platform: Where it runs jobs: on Fargate or on EC2 instances.
        vcpus: How many vCPUs the largest of its compute environments may have.
    """

    arn: str
    platform: str
    vcpus: int


class JobQueues:
    """Looks queues up, each once."""

    def __init__(self, aws: Aws) -> None:
        """Prepare; ask for nothing.

        Args:
            aws: The clients.
        """
        self._aws = aws
        self._known: dict[str, JobQueue] = {}

    def arn(self, name: str) -> str:
        """Return the ARN of a queue."""
        return self._look_up(name).arn

    def platform(self, name: str) -> str:
        """Say where a queue runs jobs.

        Raises:
            ValueError: If it can't run jobs in containers, or there is no such queue.
        """
        return self._look_up(name).platform

    def check_size(self, name: str, requirements: Sequence[dict[str, str]]) -> None:
        """Refuse a job that is larger than everything behind its queue.

        Args:
            name: The queue.
            requirements: What the job asks for.

        Raises:
            ValueError: If it is.
        """
        asked = {entry["type"]: float(entry["value"]) for entry in requirements}
        vcpus = self._look_up(name).vcpus
        if asked["VCPU"] > vcpus:
            raise ValueError(
                f"It asks for {asked['VCPU']:g} vCPUs, and the compute environments of the queue "
                f"{name!r} have at most {vcpus} (maxvCpus)."
            )

    def _look_up(self, name: str) -> JobQueue:
        if name not in self._known:
            with translated_errors():
                self._known[name] = self._ask(name)
        return self._known[name]

    def _ask(self, name: str) -> JobQueue:
        batch = self._aws.client("batch")
        found = batch.describe_job_queues(jobQueues=[name])["jobQueues"]
        if not found:
            raise ValueError(f"There is no job queue {name!r} in {self._aws.region}.")
        queue = found[0]
        if queue["state"] != "ENABLED":
            raise ValueError(f"The job queue {name!r} is {queue['state']}, and takes no jobs.")
        names = [entry["computeEnvironment"] for entry in queue["computeEnvironmentOrder"]]
        answer = batch.describe_compute_environments(computeEnvironments=names)
        environments = answer["computeEnvironments"]
        if any("eksConfiguration" in environment for environment in environments):
            raise ValueError(
                f"The job queue {name!r} runs jobs on EKS, and this orchestrator runs them on "
                "Fargate and on EC2 instances."
            )
        resources = [environment.get("computeResources", {}) for environment in environments]
        on_fargate = any(found.get("type", "").startswith(FARGATE) for found in resources)
        # An unmanaged environment says nothing about its size.
        sizes = [int(found.get("maxvCpus", 1_000_000)) for found in resources]
        return JobQueue(queue["jobQueueArn"], FARGATE if on_fargate else EC2, max(sizes))
