"""The backend: jobs are Jobs of a Kubernetes cluster. This file is yours."""

from __future__ import annotations

import contextlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from kubernetes.client import ApiClient, ApiException, BatchV1Api, CoreV1Api, CustomObjectsApi
from kubernetes.utils import parse_quantity
from kubernetes.watch import Watch

from .connection import already_exists, api_errors, connect
from .core.jobs import Job, JobState, NoRoomError, OutOfReachError, UnavailableError
from .core.resources import Resources
from .core.schedules import SchedulingBackend
from .manifests import (
    CONTROL_JOB_VARIABLE,
    NAME_LABEL,
    cron_job_manifest,
    cron_job_name,
    job_manifest,
    secret_manifest,
)
from .pods import Finding, find, needs_job, oldest

if TYPE_CHECKING:
    from zenml.service_connectors.service_connector import ServiceConnector

    from .config import AcmeOrchestratorConfig

MANY = 200
"""How many jobs one request asks for: their names are in its address."""


class AcmeBackend(SchedulingBackend):
    """Creates a Job for each job, and a Secret with its environment.

    An id starts with the UID of the namespace, so that jobs of another cluster are noticed.
    """

    config: AcmeOrchestratorConfig
    gpu_classes = True

    def __init__(
        self,
        config: AcmeOrchestratorConfig,
        connector: Callable[[], ServiceConnector | None] = lambda: None,
    ) -> None:
        """Prepare; connect to nothing.

        Args:
            config: The configuration of the stack component.
            connector: Returns its service connector, if it has one.
        """
        super().__init__(config)
        self._connector = connector
        self._namespace = config.kubernetes_namespace
        self._accepted: list[Mapping[str, Any]] = []
        self._first_pods: dict[str, str] = {}
        """By the names of jobs: what takes their place must not run."""
        self._reasons: dict[str, str] = {}
        self._cancelled: set[str] = set()
        self._given_up: set[str] = set()
        self._version: str | None = None
        """Up to where it is known what has happened to pods."""

    @cached_property
    def client(self) -> ApiClient:
        """The connection to the API server."""
        return connect(self.config, self._connector)

    def check(self, job: Job) -> None:
        """Have the API server check a Job without creating it.

        Raises:
            ValueError: If it is not valid.
        """
        if not job.image:
            raise ValueError(
                "It has no image to run in. Name one in the setting `image`, or have ZenML build "
                "one."
            )
        secret_manifest(job, self.config, None)
        self._id(job.name)  # There is such a namespace.
        # Most jobs of a run differ by what says nothing about whether they can run.
        role = job.labels.get("role", "")
        alike = replace(job, name="checked", command=("checked",), labels={"role": role})
        manifest = job_manifest(alike, self.config, None)
        if manifest not in self._accepted:
            with contextlib.suppress(NoRoomError):
                self._create("Job", manifest, dry_run="All")
            self._accepted.append(manifest)

    def submit(self, job: Job) -> str:
        """Create the Secret with the environment, and the Job that needs it.

        Raises:
            Exception: If the API server does not take one of them.
        """
        job_id, owner = self._id(job.name), self._control_job
        with self._secret(job, owner):
            created = self._create("Job", job_manifest(job, self.config, owner))
            if owner is None:
                self._give_secret(job.name, _owned_by(created))
        return job_id

    def find(self, job: Job) -> str | None:
        """Look for a Job that may have been created although the answer was lost.

        Args:
            job: The job. No other has its name.

        Returns:
            Its id; None if it does not exist.
        """
        return self._id(job.name) if self._read_job(job.name) else None

    def status(self, job_id: str) -> JobState:
        """Tell how a job is doing.

        Raises:
            OutOfReachError: If it is a job of another cluster.
        """
        return self.statuses([job_id])[job_id]

    def statuses(self, job_ids: Sequence[str]) -> dict[str, JobState]:
        """Ask for many jobs at once.

        Raises:
            OutOfReachError: If one of them is a job of another cluster.
        """
        for job_id in job_ids:
            self._check_reach(job_id)
        states: dict[str, JobState] = {}
        for first in range(0, len(job_ids), MANY):
            some = job_ids[first : first + MANY]
            findings = self._findings([_name(job_id) for job_id in some])
            states |= {job_id: findings[_name(job_id)].state for job_id in some}
        return states

    def reason(self, job_id: str) -> str | None:
        """Tell what Kubernetes says about the end of a job, or about what keeps it from starting.

        Returns:
            For example "OOMKilled (exit code 137)".
        """
        name = _name(job_id)
        if name not in self._reasons:
            self._findings([name])
        return self._reasons.get(name)

    def wait(self, job_ids: Sequence[str], timeout: float) -> None:
        """Watch the pods of jobs, and return as soon as one of them ends."""
        if self._version is None and any(
            state.is_ended for state in self.statuses(job_ids).values()
        ):
            return
        names = [_name(job_id) for job_id in job_ids]
        try:
            with api_errors("watch pods"):
                for event in Watch().stream(
                    CoreV1Api(self.client).list_namespaced_pod,
                    self._namespace,
                    label_selector=_selector(names[:MANY]),
                    resource_version=self._version,
                    timeout_seconds=max(1, round(timeout)),
                    _request_timeout=timeout + self.config.timeout_seconds,
                ):
                    if event["type"] == "DELETED" or self._is_news(event["object"]):
                        return
        except Exception:
            self._version = None  # It may be too old.
            raise

    def cancel(self, job_id: str) -> None:
        """Delete a Job. Its pod gets SIGTERM, and SIGKILL after the configured time.

        Raises:
            OutOfReachError: If it is a job of another cluster.
        """
        self._check_reach(job_id)
        self._cancelled.add(_name(job_id))
        self._delete_job(_name(job_id))

    def log_location(self, job_id: str) -> str:
        """Tell how to see the output of a job, as long as its pod is there."""
        return f"kubectl logs --namespace={self._namespace} job/{_name(job_id)}"

    def recorded_resources(self, job_id: str) -> Resources | None:
        """Read the limits of a pod.

        Returns:
            What the API server has on record; None if there is no pod yet.
        """
        pods = self._list_pods([_name(job_id)])[_name(job_id)]
        if not pods:
            return None
        limits = pods[0].spec.containers[0].resources.limits or {}
        gpus = limits.get(self.config.gpu_resource)
        return Resources(
            cpu=float(parse_quantity(limits["cpu"])) if "cpu" in limits else None,
            memory=int(parse_quantity(limits["memory"])) if "memory" in limits else None,
            gpus=int(gpus) if gpus else 0,
        )

    def schedule(self, job: Job, cron: str) -> str:
        """Create a CronJob, in whichever version the API server has it.

        Returns:
            Its id.
        """
        schedule_id = self._id(job.name)
        version = self._cron_job_version
        manifest = cron_job_manifest(job, self.config, cron, version)
        with self._secret(job, None), api_errors(f"create CronJob {manifest['metadata']['name']}"):
            created = CustomObjectsApi(self.client).create_namespaced_custom_object(
                *("batch", version, self._namespace, "cronjobs", manifest),
                _request_timeout=self.config.timeout_seconds,
            )
            reference = {name: created[name] for name in ("apiVersion", "kind")}
            reference |= {name: created["metadata"][name] for name in ("name", "uid")}
            self._give_secret(job.name, reference)
        return schedule_id

    def unschedule(self, schedule_id: str) -> None:
        """Delete a CronJob, but none of the Jobs that it has created.

        Raises:
            OutOfReachError: If it is a CronJob of another cluster.
        """
        self._check_reach(schedule_id)
        name = _name(schedule_id)
        with api_errors(f"delete CronJob {name}"), _gone():
            CustomObjectsApi(self.client).delete_namespaced_custom_object(
                *("batch", self._cron_job_version, self._namespace, "cronjobs"),
                cron_job_name(name),
                propagation_policy="Orphan",
                _request_timeout=self.config.timeout_seconds,
            )
        self._delete_secret(name)

    # What to ask the API server.

    def _findings(self, names: Sequence[str]) -> dict[str, Finding]:
        pods, first = self._list_pods(names), self._first_pods
        unclear = [name for name in names if needs_job(pods[name], first.get(name))]
        jobs = self._list_jobs(unclear) if unclear else {}
        findings = {name: find(jobs.get(name), pods[name], first.get(name)) for name in names}
        for name, finding in findings.items():
            if pods[name]:
                first.setdefault(name, oldest(pods[name]).metadata.uid)
            if finding.reason and name not in self._given_up:
                self._reasons[name] = finding.reason
            if finding.is_given_up:
                self._given_up.add(name)
                self._delete_job(name)
            if finding.state in (JobState.FAILED, JobState.UNKNOWN):
                findings[name] = self._as_it_was_meant(name, finding)
        return findings

    def _as_it_was_meant(self, name: str, finding: Finding) -> Finding:
        """Say of what this process has ended that it did."""
        if name in self._cancelled:
            return replace(finding, state=JobState.CANCELLED)
        return replace(finding, state=JobState.FAILED) if name in self._given_up else finding

    def _is_news(self, pod: Any) -> bool:
        name = pod.metadata.labels[NAME_LABEL]
        first = self._first_pods.setdefault(name, pod.metadata.uid)
        state = find(None, [pod], first).state
        return needs_job([pod], first) or state.is_ended or state == JobState.HELD

    def _list_pods(self, names: Sequence[str]) -> dict[str, list[Any]]:
        with api_errors("list pods"):
            found = CoreV1Api(self.client).list_namespaced_pod(
                self._namespace,
                label_selector=_selector(names),
                _request_timeout=self.config.timeout_seconds,
            )
        self._version = found.metadata.resource_version
        pods = defaultdict(list)
        for pod in found.items:
            pods[pod.metadata.labels[NAME_LABEL]].append(pod)
        return pods

    def _list_jobs(self, names: Sequence[str]) -> dict[str, Any]:
        with api_errors("list Jobs"):
            found = BatchV1Api(self.client).list_namespaced_job(
                self._namespace,
                label_selector=_selector(names),
                _request_timeout=self.config.timeout_seconds,
            )
        return {job.metadata.name: job for job in found.items}

    def _read_job(self, name: str) -> Any:
        job: Any = None
        with api_errors(f"read Job {name}"), _gone():
            job = BatchV1Api(self.client).read_namespaced_job(
                name, self._namespace, _request_timeout=self.config.timeout_seconds
            )
        return job

    def _create(self, kind: str, manifest: Mapping[str, Any], **options: Any) -> Any:
        core, batch = CoreV1Api(self.client), BatchV1Api(self.client)
        create, read = {
            "Job": (batch.create_namespaced_job, batch.read_namespaced_job),
            "Secret": (core.create_namespaced_secret, core.read_namespaced_secret),
        }[kind]
        name = manifest["metadata"]["name"]
        patience = {"_request_timeout": self.config.timeout_seconds}
        with api_errors(f"create {kind} {name}"):
            try:
                return create(
                    self._namespace, manifest, field_validation="Strict", **options, **patience
                )
            except ApiException as error:
                if not already_exists(error):
                    raise
                return read(name, self._namespace, **patience)  # The answer was lost before.

    @contextlib.contextmanager
    def _secret(self, job: Job, owner: Mapping[str, Any] | None) -> Iterator[None]:
        """Create the Secret with a job's environment; delete it if its user is refused."""
        self._create("Secret", secret_manifest(job, self.config, owner))
        try:
            yield
        except UnavailableError:
            raise  # Its user may be there.
        except Exception:
            self._delete_secret(job.name)
            raise

    def _give_secret(self, name: str, owner: Mapping[str, Any]) -> None:
        with api_errors(f"change Secret {name}"):
            CoreV1Api(self.client).patch_namespaced_secret(
                name,
                self._namespace,
                {"metadata": {"ownerReferences": [owner]}},
                _request_timeout=self.config.timeout_seconds,
            )

    def _delete_secret(self, name: str) -> None:
        with api_errors(f"delete Secret {name}"), _gone():
            CoreV1Api(self.client).delete_namespaced_secret(
                name, self._namespace, _request_timeout=self.config.timeout_seconds
            )

    def _delete_job(self, name: str) -> None:
        with api_errors(f"delete Job {name}"), _gone():
            BatchV1Api(self.client).delete_namespaced_job(
                name,
                self._namespace,
                propagation_policy="Background",
                _request_timeout=self.config.timeout_seconds,
            )

    # Who and where.

    @cached_property
    def _control_job(self) -> Mapping[str, Any] | None:
        """The Job that this process is, if it looks after a run. It owns what belongs to that."""
        name = os.environ.get(CONTROL_JOB_VARIABLE)
        job = self._read_job(name) if name else None
        return _owned_by(job) if job else None

    @cached_property
    def _cron_job_version(self) -> str:
        with api_errors("list what it has in batch/v1"):
            known = BatchV1Api(self.client).get_api_resources(
                _request_timeout=self.config.timeout_seconds
            )
        return "v1" if "cronjobs" in {kind.name for kind in known.resources} else "v1beta1"

    @cached_property
    def _namespace_uid(self) -> str:
        with api_errors(f"read namespace {self._namespace}"):
            try:
                found = CoreV1Api(self.client).read_namespace(
                    self._namespace, _request_timeout=self.config.timeout_seconds
                )
            except ApiException as error:
                if error.status != 404:
                    raise
                raise OutOfReachError(
                    f"The cluster at {self.client.configuration.host} has no namespace "
                    f"{self._namespace!r}. Create it, and what `rbac.yaml` says in it, or name "
                    "another one in `kubernetes_namespace`."
                ) from error
        return str(found.metadata.uid)

    def _id(self, name: str) -> str:
        return f"{self._namespace_uid}/{name}"

    def _check_reach(self, job_id: str) -> None:
        uid = job_id.partition("/")[0]
        if uid != self._namespace_uid:
            raise OutOfReachError(
                f"The run's jobs are in another cluster or namespace (its UID is {uid}) than "
                f"{self._namespace!r} at {self.client.configuration.host}. Stop or refresh the run "
                "where that one is reached."
            )


@contextlib.contextmanager
def _gone() -> Iterator[None]:
    """Do without what does not exist."""
    try:
        yield
    except ApiException as error:
        if error.status != 404:
            raise


def _name(job_id: str) -> str:
    return job_id.rpartition("/")[2]


def _selector(names: Sequence[str]) -> str:
    return f"{NAME_LABEL} in ({','.join(names)})"


def _owned_by(job: Any) -> dict[str, str]:
    named = {"name": job.metadata.name, "uid": job.metadata.uid}
    return {"apiVersion": "batch/v1", "kind": "Job", **named}
