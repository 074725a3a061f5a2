"""The backend: jobs of AWS Batch. This file is yours."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from zenml.logger import get_logger

from .aws import Arn, Aws, translated_errors
from .aws_cron import aws_cron
from .batch_limits import DESCRIBED, PARENTS, SUBMISSION_BYTES, check_size, json_size
from .console import job_url
from .core.jobs import Job, JobState
from .core.resources import Resources
from .core.schedules import SchedulingBackend
from .job_queues import JobQueues
from .job_request import (
    MEBIBYTE,
    TAG,
    check_words,
    container_overrides,
    container_properties,
    job_settings,
    looks_after_run,
    submission_options,
)
from .run_definitions import RunDefinitions

if TYPE_CHECKING:
    import boto3

    from .config import AcmeOrchestratorConfig

logger = get_logger(__name__)

STATES = {
    **dict.fromkeys(("SUBMITTED", "PENDING", "RUNNABLE"), JobState.QUEUED),
    **dict.fromkeys(("STARTING", "RUNNING"), JobState.RUNNING),
    "SUCCEEDED": JobState.SUCCEEDED,
    "FAILED": JobState.FAILED,
}

HOPELESS = (
    "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE",
    "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
)
"""Why Batch never starts a job that waits, as it says itself: the job is too large."""

CANCELLED = "Cancelled by ZenML."
"""The reason that a job is ended for, by which it is told from one that has failed."""

AWAITED_VARIABLE = "ZENML_BATCH_AWAITED_JOBS"
"""The jobs that a control job has to wait for, separated by blanks."""

JOIN = "join"
"""The role of a job that does nothing but end when up to 20 others have succeeded."""


class AcmeBackend(SchedulingBackend):
    """Submits jobs to Batch, which keeps their order. A job's id is its ARN.

    Batch starts a job when others have succeeded, and never when they have merely ended. So the
    finalizer starts at once, and waits for the others by itself.
    """

    config: AcmeOrchestratorConfig

    def __init__(
        self,
        config: AcmeOrchestratorConfig,
        session: Callable[[], boto3.Session],
    ) -> None:
        """Prepare; connect to nothing.

        Args:
            config: The configuration.
            session: Gives a session with valid credentials.
        """
        super().__init__(config)
        self.poll_seconds = config.poll_seconds
        self.room_seconds = config.full_queue_timeout_seconds
        self.aws = Aws(session, config.region, config.endpoint_url)
        self.queues = JobQueues(self.aws)
        self.definitions = RunDefinitions(self.aws, config.kms_key)
        self._joins: dict[tuple[str, ...], str] = {}
        self._joining = threading.Lock()

    def check(self, job: Job) -> None:
        """Refuse a job that Batch could never run, or would not take.

        Raises:
            ValueError: If there is a reason.
            UnavailableError: If AWS has not answered.
        """
        platform = self.queues.platform(self._queue(job))
        check_words(job, self.config, platform, self.aws.region)
        properties = container_properties(job, self.config, platform)
        self.queues.check_size(self._queue(job), properties["resourceRequirements"])
        self.definitions.check(properties, job.environment)

    def submit(self, job: Job) -> str:
        """Submit a job, and what it takes for it to depend on many others.

        Returns:
            Its ARN.

        Raises:
            NoRoomError: If AWS throttles submissions.
            UnavailableError: If AWS has not answered.
            ClientError: If AWS refuses the job.
        """
        parents: Sequence[str] = ()
        if job.start_when == "succeeded":
            parents = self._joined(job)
        elif job.depends_on:
            awaited = {AWAITED_VARIABLE: " ".join(job.depends_on)}
            job = replace(job, environment={**job.environment, **awaited})
        return self._submit(job, parents)

    def find(self, job: Job) -> str | None:
        """Look for a job that Batch may have taken although the answer was lost.

        Args:
            job: The job. No other has its name.

        Returns:
            Its ARN; None if Batch does not know it.
        """
        with translated_errors():
            jobs = self.aws.client("batch").get_paginator("list_jobs")
            name = {"name": "JOB_NAME", "values": [job.name]}
            pages = jobs.paginate(jobQueue=self._queue(job), filters=[name])
            found = (entry for page in pages for entry in page["jobSummaryList"])
            return next((str(entry["jobArn"]) for entry in found), None)

    def status(self, job_id: str) -> JobState:
        """Translate the state that Batch gives a job.

        Returns:
            The state; `UNKNOWN` some days after its end, when Batch has forgotten it.
        """
        return self.statuses([job_id])[job_id]

    def statuses(self, job_ids: Sequence[str]) -> dict[str, JobState]:
        """Ask for as many jobs at once as Batch allows.

        Raises:
            OutOfReachError: If they are in another account, or may not be asked for.
        """
        states = dict.fromkeys(job_ids, JobState.UNKNOWN)
        for described in self._describe(job_ids):
            states[described["jobArn"]] = _state(described)
        return states

    def cancel(self, job_id: str) -> None:
        """Take a job out of the queue, or have it ended: SIGTERM, and SIGKILL after 30 seconds."""
        for described in self._describe([job_id]):
            state = _state(described)
            if state.is_ended:
                return
            with translated_errors():
                self.aws.at("batch", job_id).terminate_job(
                    jobId=described["jobId"], reason=CANCELLED
                )
            tags = described.get("tags", {})
            if looks_after_run(tags.get(f"{TAG}role")) and state != JobState.HELD:
                # The run is being stopped, and perhaps this job has not started.
                self.tidy_up(tags[f"{TAG}run_id"])

    def tidy_up(self, run_id: str) -> None:
        """Remove what was registered for the jobs of a run, once none has to start any more.

        Args:
            run_id: The run id, as a label.
        """
        try:
            self.definitions.remove(run_id)
        except Exception:
            # It costs little, and must not make a run fail that has ended well.
            logger.exception("What was registered for the run %s could not be removed.", run_id)

    def log_location(self, job_id: str) -> str | None:
        """Give the page of a job in AWS's console, which leads to its log.

        Returns:
            The URL; None if the API is an emulation on this machine.
        """
        return None if self.config.is_local else job_url(job_id)

    def recorded_resources(self, job_id: str) -> Resources | None:
        """Read what Batch has on record of a job.

        Returns:
            vCPUs, memory and GPUs; None if there is no record.
        """
        for described in self._describe([job_id]):
            asked = described["container"]["resourceRequirements"]
            size = {entry["type"]: entry["value"] for entry in asked}
            return Resources(
                cpu=float(size["VCPU"]),
                memory=int(size["MEMORY"]) * MEBIBYTE,
                gpus=int(size.get("GPU", 0)),
            )
        return None

    def schedule(self, job: Job, cron: str) -> str:
        """Have EventBridge Scheduler submit a job again and again.

        Args:
            job: The job.
            cron: When, in the five fields of cron.

        Returns:
            The ARN of the schedule.

        Raises:
            ValueError: If EventBridge Scheduler has no expression for it.
            ClientError: If AWS refuses it.
        """
        expression = aws_cron(cron)
        queue = self._queue(job)
        platform = self.queues.platform(queue)
        overrides = container_overrides(job, self.aws.region)
        properties = {**container_properties(job, self.config, platform), **overrides}
        definition = self.definitions.register(job.name, properties, job.environment, platform)
        request = {
            "jobName": job.name,
            "jobQueue": self.queues.arn(queue),
            "jobDefinition": definition,
            **submission_options(job),
        }
        try:
            with translated_errors(of_submission=True):
                answer = self.aws.client("scheduler").create_schedule(
                    Name=job.name,
                    ScheduleExpression=expression,
                    ScheduleExpressionTimezone=self.config.schedule_timezone,
                    FlexibleTimeWindow={"Mode": "OFF"},
                    Target={
                        "Arn": f"arn:{Arn.parse(definition).partition}:scheduler:::"
                        "aws-sdk:batch:submitJob",
                        "RoleArn": self.config.scheduler_role,
                        "Input": json.dumps(_capitalized(request)),
                    },
                )
        except BaseException:
            self.definitions.remove(job.name)
            raise
        return str(answer["ScheduleArn"])

    def unschedule(self, schedule_id: str) -> None:
        """Delete a schedule, and what its jobs need.

        Raises:
            Exception: If AWS can't be asked.
        """
        name = Arn.parse(schedule_id).name
        scheduler = self.aws.at("scheduler", schedule_id)
        try:
            with translated_errors():
                scheduler.delete_schedule(Name=name)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
        self.definitions.remove(name)

    def _queue(self, job: Job) -> str:
        control = None if job.is_step else self.config.control_queue
        return control or job_settings(job).queue or self.config.queue

    def _submit(self, job: Job, parents: Sequence[str]) -> str:
        platform = self.queues.platform(self._queue(job))
        properties = container_properties(job, self.config, platform)
        group = job.labels.get("run_id") or job.name
        request = {
            "jobName": job.name,
            "jobQueue": self._queue(job),
            "jobDefinition": self.definitions.register(
                group, properties, job.environment, platform
            ),
            "dependsOn": [{"jobId": Arn.parse(parent).name} for parent in parents],
            "containerOverrides": container_overrides(job, self.aws.region),
            **submission_options(job),
        }
        check_size("submission", json_size(request), SUBMISSION_BYTES, "Set fewer `tags`.")
        with translated_errors(of_submission=True):
            # Sent once: Batch would take it twice if only the first answer was lost.
            client = self.aws.client("batch", attempts=1)
            return str(client.submit_job(**request)["jobArn"])

    def _joined(self, job: Job) -> Sequence[str]:
        """Return at most 20 jobs that have succeeded when all that a job depends on have."""
        parents: Sequence[str] = sorted(job.depends_on)
        while len(parents) > PARENTS:
            groups = [tuple(parents[at : at + PARENTS]) for at in range(0, len(parents), PARENTS)]
            parents = [self._join(job, group) for group in groups]
        return parents

    def _join(self, job: Job, parents: tuple[str, ...]) -> str:
        if len(parents) == 1:
            return parents[0]
        with self._joining:
            if parents not in self._joins:
                join = Job(
                    name=f"{job.name}-{JOIN}-{len(self._joins)}",
                    command=("python", "-c", ""),
                    environment={},
                    image=job.image,
                    settings=job.settings,
                    labels={**job.labels, "role": JOIN},
                )
                self._joins[parents] = self._submit(join, parents)
            return self._joins[parents]

    def _describe(self, job_ids: Sequence[str]) -> Iterator[dict[str, Any]]:
        by_region: dict[str, list[str]] = {}
        for job_id in job_ids:
            by_region.setdefault(Arn.parse(job_id).region, []).append(job_id)
        for there in by_region.values():
            client = self.aws.at("batch", there[0])
            for at in range(0, len(there), DESCRIBED):
                names = [Arn.parse(job_id).name for job_id in there[at : at + DESCRIBED]]
                with translated_errors():
                    yield from client.describe_jobs(jobs=names)["jobs"]


def _state(described: dict[str, Any]) -> JobState:
    state, reason = STATES[described["status"]], described.get("statusReason") or ""
    if state == JobState.FAILED and reason == CANCELLED:
        return JobState.CANCELLED
    return JobState.HELD if state == JobState.QUEUED and reason.startswith(HOPELESS) else state


def _capitalized(value: Any, names: bool = True) -> Any:
    """Spell the names of fields as EventBridge Scheduler does; those of tags are no fields."""
    if isinstance(value, dict):
        return {
            key[:1].upper() + key[1:] if names else key: _capitalized(entry, key != "tags")
            for key, entry in value.items()
        }
    return [_capitalized(entry) for entry in value] if isinstance(value, list) else value
