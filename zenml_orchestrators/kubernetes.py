"""ZenML's `kubernetes` orchestrator on an emulated Kubernetes API.

The real Kubernetes client makes the requests; `Cluster` answers them in place of the HTTP
connection. A Kubernetes Job is a job of the fake backend, its pod that job's process.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable
from datetime import datetime, timezone
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import kubernetes.config
from kubernetes.client import ApiException
from kubernetes.client.rest import RESTClientObject
from kubernetes.utils.quantity import parse_quantity
from zenml.orchestrators import BaseOrchestrator

from zenml_conformance.fake_backend import FakeBackend, Job, JobRecord, JobState
from zenml_conformance.protocol import EngineError
from zenml_orchestrators.emulation import EmulatedHarness, with_local_stores

CONTEXT = "emulated"
CRON_JOB_NAME_LENGTH = 52
"""Kubernetes adds eleven characters for each Job that a CronJob makes."""

Answer = dict[str, Any]


class Cluster:
    """What the Kubernetes API says and does, as far as ZenML asks.

    Jobs, their pods and CronJobs are here; accounts and their roles are taken and forgotten.
    What the fake backend has no place for (annotations, what was deleted) is in its notes.
    """

    def __init__(self, backend: FakeBackend) -> None:
        """Point at the backend.

        Args:
            backend: Runs the jobs.
        """
        self.backend = backend
        kinds = r"/namespaces/[^/]+/"
        self.routes: dict[tuple[str, str], Callable[..., Answer]] = {
            ("POST", rf".*{kinds}jobs"): self.create_job,
            ("GET", rf".*{kinds}jobs"): self.list_jobs,
            ("GET", rf".*{kinds}jobs/([^/]+)"): self.read_job,
            ("PATCH", rf".*{kinds}jobs/([^/]+)"): self.annotate_job,
            ("DELETE", rf".*{kinds}jobs/([^/]+)"): self.delete_job,
            ("GET", rf".*{kinds}pods"): self.list_pods,
            ("GET", rf".*{kinds}pods/([^/]+)"): self.read_pod,
            ("POST", rf".*{kinds}cronjobs"): self.create_cron_job,
            ("PATCH", rf".*{kinds}cronjobs/([^/]+)"): self.update_cron_job,
            ("DELETE", rf".*{kinds}cronjobs/([^/]+)"): self.delete_cron_job,
            ("POST", rf".*{kinds}serviceaccounts"): lambda body, query: body,
            ("POST", rf".*{kinds}rolebindings"): self.bind_role,
        }

    def request(
        self,
        method: str,
        url: str,
        query_params: Any = None,
        body: Any = None,
        _preload_content: bool = True,
        **_: Any,
    ) -> Response:
        """Answer a request in place of the API server.

        Args:
            method: HTTP's.
            url: The whole address.
            query_params: The query.
            body: What was sent, as JSON can express it.
            _preload_content: Whether the caller wants text and not bytes.

        Returns:
            The response.

        Raises:
            ApiException: Where the API server would answer with an error.
        """
        path, query = urlsplit(url).path, dict(query_params or ())
        if log := re.fullmatch(r".*/pods/([^/]+)/log", path):
            text = self.read_log(log[1])
            return Response(text if _preload_content else text.encode())
        for (verb, pattern), operation in self.routes.items():
            match = re.fullmatch(pattern, path)
            if verb == method and match:
                try:
                    answer = operation(*match.groups(), body=body, query=query)
                except EngineError as error:
                    raise refusal(HTTPStatus.FORBIDDEN, str(error)) from error
                return Response(json.dumps(answer))
        raise NotImplementedError(f"the emulated cluster does not know {method} {path}")

    def bind_role(self, body: Answer, query: Answer) -> Answer:
        """Give an account a role. The role `edit`, which pods have, does not allow that."""
        if self.backend.this_job():
            message = "rolebindings.rbac.authorization.k8s.io is forbidden"
            raise refusal(HTTPStatus.FORBIDDEN, message)
        return body

    # -- jobs -------------------------------------------------------------------------------

    def create_job(self, body: Answer, query: Answer) -> Answer:
        """Submit a Job."""
        name = body["metadata"]["name"]
        if name in self._jobs():
            raise refusal(HTTPStatus.CONFLICT, f'jobs.batch "{name}" already exists')
        manifest = with_defaults(body)
        self.backend.submit(job_of(manifest))
        return manifest

    def list_jobs(self, body: Any, query: Answer) -> Answer:
        """List Jobs by label."""
        selector = query.get("labelSelector")
        return {
            "items": [
                self._shown(name, record)
                for name, record in self._jobs().items()
                if matches(record.job.labels, selector)
            ]
        }

    def read_job(self, name: str, body: Any, query: Answer) -> Answer:
        """Read a Job."""
        return self._shown(name, self._job(name))

    def annotate_job(self, name: str, body: Answer, query: Answer) -> Answer:
        """Add annotations to a Job."""
        record = self._job(name)
        given = {**self._annotations(name), **body["metadata"]["annotations"]}
        self.backend.note(f"annotations/{name}", given)
        return self._shown(name, record)

    def delete_job(self, name: str, body: Any, query: Answer) -> Answer:
        """Delete a Job and its pod."""
        record = self._job(name)
        self.backend.note(f"deleted/{name}", True)
        self.backend.cancel(record.id)
        return {"status": "Success"}

    def _jobs(self) -> dict[str, JobRecord]:
        """Every Job that was not deleted."""
        records, _ = self.backend.jobs()
        notes = self.backend.notes()
        named = {job_name(record): record for record in records if not record.lost}
        return {name: r for name, r in named.items() if f"deleted/{name}" not in notes}

    def _job(self, name: str) -> JobRecord:
        record = self._jobs().get(name)
        if record is None or self.backend.status(record.id) is JobState.UNKNOWN:
            raise refusal(HTTPStatus.NOT_FOUND, f'jobs.batch "{name}" not found')
        return record

    def _annotations(self, name: str) -> dict[str, str]:
        annotations: dict[str, str] = self.backend.notes().get(f"annotations/{name}", {})
        return annotations

    def _shown(self, name: str, record: JobRecord) -> Answer:
        """A Job as the API shows it."""
        manifest = dict(record.job.spec)
        said = manifest["metadata"]
        annotations = {**(said.get("annotations") or {}), **self._annotations(name)}
        own = {"name": name, "uid": record.id, "annotations": annotations}
        status = job_status(self.backend.status(record.id), record)
        return {**manifest, "metadata": {**said, **own}, "status": status}

    # -- pods -------------------------------------------------------------------------------

    def list_pods(self, body: Any, query: Answer) -> Answer:
        """List pods by label and phase."""
        phase = query.get("fieldSelector", "").partition("status.phase=")[2]
        selector = query.get("labelSelector")
        pods = [
            self._pod(record)
            for record in self._jobs().values()
            if matches(pod_labels(record), selector)
        ]
        return {"items": [pod for pod in pods if not phase or pod["status"]["phase"] == phase]}

    def read_pod(self, name: str, body: Any, query: Answer) -> Answer:
        """Read a pod."""
        return self._pod(self._owner(name))

    def read_log(self, name: str) -> str:
        """Read what a pod has written so far."""
        log = self._owner(name).log
        return Path(log).read_text(errors="replace") if log else ""

    def _owner(self, name: str) -> JobRecord:
        """The Job of a pod."""
        record = next((r for r in self._jobs().values() if pod_name(r) == name), None)
        if record is None:
            raise refusal(HTTPStatus.NOT_FOUND, f'pods "{name}" not found')
        return record

    def _pod(self, record: JobRecord) -> Answer:
        """A Job's latest pod as the API shows it."""
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": job_name(record)}
        return {
            "metadata": {
                "name": pod_name(record),
                "labels": pod_labels(record),
                "ownerReferences": [{**owner, "uid": record.id, "controller": True}],
                "creationTimestamp": datetime.now(timezone.utc).isoformat(),
            },
            "spec": record.job.spec["spec"]["template"]["spec"],
            "status": pod_status(self.backend.status(record.id), record),
        }

    def host_name(self, outside: str) -> str:
        """Give the name of the machine that a process sees: in a pod, that of the pod.

        Args:
            outside: The name of this machine.

        Returns:
            The pod's name; in a client, the machine's.
        """
        record = self.backend.this_job()
        return pod_name(record) if record else outside

    # -- cron jobs --------------------------------------------------------------------------

    def create_cron_job(self, body: Answer, query: Answer) -> Answer:
        """Schedule a Job."""
        name = body["metadata"]["name"]
        if len(name) > CRON_JOB_NAME_LENGTH:
            message = f'CronJob.batch "{name}" is invalid: metadata.name: Invalid value: must be '
            message += f"no more than {CRON_JOB_NAME_LENGTH} characters"
            raise refusal(HTTPStatus.UNPROCESSABLE_ENTITY, message)
        manifest = with_defaults(body)
        self._schedule(name, manifest)
        return manifest

    def update_cron_job(self, name: str, body: Answer, query: Answer) -> Answer:
        """Change a CronJob's times, suspend it or let it go on."""
        manifest, schedule = self._cron_job(name)
        manifest["spec"].update(body["spec"])
        self._unschedule(name, schedule)
        self._schedule(name, manifest)
        return manifest

    def delete_cron_job(self, name: str, body: Any, query: Answer) -> Answer:
        """Delete a CronJob."""
        _, schedule = self._cron_job(name)
        self._unschedule(name, schedule)
        self.backend.note(f"cronjobs/{name}", None)
        return {"status": "Success"}

    def _schedule(self, name: str, manifest: Answer) -> None:
        spec = manifest["spec"]
        template = {**spec["jobTemplate"], "kind": "Job"}
        template["metadata"] = {**manifest["metadata"], **template.get("metadata", {})}
        suspended = spec.get("suspend", False)
        schedule = None if suspended else self.backend.schedule(job_of(template), spec["schedule"])
        self.backend.note(f"cronjobs/{name}", {"manifest": manifest, "schedule": schedule})

    def _unschedule(self, name: str, schedule: str | None) -> None:
        try:
            if schedule:
                self.backend.unschedule(schedule)
        except EngineError as error:
            raise refusal(HTTPStatus.NOT_FOUND, f'cronjobs.batch "{name}" not found') from error

    def _cron_job(self, name: str) -> tuple[Answer, str | None]:
        known = self.backend.notes().get(f"cronjobs/{name}")
        if known is None:
            raise refusal(HTTPStatus.NOT_FOUND, f'cronjobs.batch "{name}" not found')
        return known["manifest"], known["schedule"]


class Response:
    """What the client library reads of an HTTP response."""

    def __init__(self, data: str | bytes, status: HTTPStatus = HTTPStatus.OK) -> None:
        """Keep a body.

        Args:
            data: The body.
            status: HTTP's.
        """
        self.status = int(status)
        self.reason = status.phrase
        self.data = data

    def getheaders(self) -> dict[str, str]:
        """Give the headers."""
        return {"Content-Type": "application/json"}


def refusal(status: HTTPStatus, message: str) -> ApiException:
    """Make the exception that the client library makes of an error's response.

    Args:
        status: HTTP's.
        message: What the API server says.

    Returns:
        The exception.
    """
    return ApiException(http_resp=Response(json.dumps({"message": message}), status))


def job_of(manifest: Answer) -> Job:
    """Say in the suite's words what a Job's manifest says.

    Args:
        manifest: The Job.

    Returns:
        The job.
    """
    (container,) = manifest["spec"]["template"]["spec"]["containers"]
    asked = container.get("resources") or {}
    most = {**asked.get("requests", {}), **asked.get("limits", {})}
    memory, gpus = most.get("memory"), most.get("nvidia.com/gpu")
    policy = manifest["spec"].get("podFailurePolicy") or {}
    environment: dict[str, str] = {}
    for variable in container.get("env", ()):
        environment[variable["name"]] = expanded(variable["value"], environment)
    words = (*container.get("command", ()), *container.get("args", ()))
    return Job(
        name=manifest["metadata"]["name"],
        command=tuple(expanded(word, environment) for word in words),
        environment=with_local_stores(environment),
        image=container["image"],
        cpu=float(parse_quantity(most["cpu"])) if "cpu" in most else None,
        memory=int(parse_quantity(memory)) if memory else None,
        gpus=int(gpus) if gpus else None,
        labels=manifest["metadata"].get("labels") or {},
        max_restarts=manifest["spec"].get("backoffLimit", 6),
        final_exit_codes=tuple(
            code
            for failure in policy.get("rules", ())
            if failure["action"] == "FailJob"
            for code in failure.get("onExitCodes", {}).get("values", ())
        ),
        spec=without_values(manifest),
    )


def expanded(text: str, variables: dict[str, str]) -> str:
    """Expand references to variables as Kubernetes does in variables and commands.

    Args:
        text: What may have `$(NAME)` in it, or `$$` for a `$`.
        variables: The variables that can be referred to; a reference to any other one stays.

    Returns:
        The text as a container gets it.
    """

    def value(reference: re.Match[str]) -> str:
        return "$" if reference[0] == "$$" else variables.get(reference[1], reference[0])

    return re.sub(r"\$(?:\$|\(([^)]*)\))", value, text)


def with_defaults(manifest: Answer) -> Answer:
    """Fill in what the API server fills in, as far as the client library insists on it.

    Args:
        manifest: The Job or CronJob as it was sent.

    Returns:
        A copy.
    """
    copy: Answer = json.loads(json.dumps(manifest))
    job = copy["spec"].get("jobTemplate", copy)["spec"]
    for failure in (job.get("podFailurePolicy") or {}).get("rules", ()):
        for condition in failure.get("onPodConditions", ()):
            condition.setdefault("status", "True")
    return copy


def without_values(manifest: Answer) -> Answer:
    """Copy a manifest without the values of its variables, which may be secret.

    Args:
        manifest: The Job.

    Returns:
        The copy.
    """
    copy: Answer = json.loads(json.dumps(manifest))
    for container in copy["spec"]["template"]["spec"]["containers"]:
        container["env"] = [{"name": variable["name"]} for variable in container.get("env", ())]
    return copy


def job_name(record: JobRecord) -> str:
    """Name a Job. One that a CronJob makes gets a name of its own.

    Args:
        record: The job.

    Returns:
        The Job's name.
    """
    return f"{record.job.name}-{record.id}" if record.schedule else record.job.name


def pod_name(record: JobRecord) -> str:
    """Name a Job's latest pod: each attempt has one of its own.

    Args:
        record: The job.

    Returns:
        The pod's name.
    """
    return f"{job_name(record)}-{record.restarts:05x}"


def pod_labels(record: JobRecord) -> dict[str, str]:
    """Give the labels of a Job's pods.

    Args:
        record: The job.

    Returns:
        Those of the template, and the Job's name.
    """
    template = record.job.spec["spec"]["template"].get("metadata") or {}
    return {**(template.get("labels") or {}), "job-name": job_name(record)}


def job_status(state: JobState, record: JobRecord) -> Answer:
    """Say where a Job is, in Kubernetes' words.

    Args:
        state: Where the job is.
        record: The job.

    Returns:
        The Job's `status`.
    """
    if state is JobState.SUCCEEDED:
        return {"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]}
    if state in (JobState.FAILED, JobState.CANCELLED):
        message = "Job has reached the specified backoff limit"
        condition = {"type": "Failed", "status": "True", "message": message}
        return {"failed": record.restarts + 1, "conditions": [condition]}
    return {"active": 1}


def pod_status(state: JobState, record: JobRecord) -> Answer:
    """Say where a pod is, in Kubernetes' words.

    Args:
        state: Where the job is.
        record: The job.

    Returns:
        The pod's `status`.
    """
    phases = {JobState.QUEUED: "Pending", JobState.RUNNING: "Running"}
    phase = phases.get(state, "Succeeded" if state is JobState.SUCCEEDED else "Failed")
    # The exit code of a process that a signal has ended, as container runtimes write it.
    code = record.exit_code or 0
    ended = {
        "exitCode": 128 - code if code < 0 else code,
        "reason": "Error" if code else "Completed",
    }
    word = {"Pending": "waiting", "Running": "running"}.get(phase, "terminated")
    container = {
        "name": "main",
        "image": record.job.image,
        "imageID": "",
        "ready": phase == "Running",
        "restartCount": 0,
        "state": {word: ended if word == "terminated" else {}},
    }
    return {"phase": phase, "containerStatuses": [container]}


def matches(labels: dict[str, str], selector: str | None) -> bool:
    """Say whether an object has the labels of a selector.

    Args:
        labels: A Job's or a pod's.
        selector: Kubernetes' equality-based selector; None: everything.

    Returns:
        Whether it has.
    """
    wanted = (part.partition("=") for part in (selector or "").split(",") if part)
    return all(labels.get(key) == value for key, _, value in wanted)


class KubernetesHarness(EmulatedHarness):
    """Connects ZenML's `kubernetes` orchestrator through an emulated Kubernetes API."""

    # RFC 1123 label: a Job's name becomes a label of its pods.
    job_name_pattern = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"

    def config(self) -> dict[str, Any]:
        """Give what the component needs, and patience for a cluster that answers at once."""
        return {
            "kubernetes_context": CONTEXT,
            # The suite's artifact store is a directory that the jobs reach.
            "skip_local_validations": True,
            "job_monitoring_interval": 0.2,
            "job_monitoring_delay": 0.01,
            "interrupt_check_interval": 0.5,
        }

    def connect(self, orchestrator_class: type[BaseOrchestrator], backend: FakeBackend) -> None:
        """Answer the client library's requests, and be the pod that a job's process runs in."""
        cluster = Cluster(backend)
        outside = socket.gethostname()
        contexts = [{"name": self.config()["kubernetes_context"]}]
        RESTClientObject.request = lambda self, *args, **kwargs: cluster.request(*args, **kwargs)
        kubernetes.config.load_kube_config = lambda **_: None
        kubernetes.config.load_incluster_config = lambda **_: None
        kubernetes.config.list_kube_config_contexts = lambda **_: (contexts, contexts[0])
        socket.gethostname = lambda: cluster.host_name(outside)
