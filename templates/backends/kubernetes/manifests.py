"""A job in the words of Kubernetes' API."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from zenml.constants import (
    ENV_ZENML_DISABLE_DATABASE_MIGRATION,
    ENV_ZENML_LOCAL_STORES_PATH,
    ENV_ZENML_STORE_PREFIX,
)

from .config import AcmeOrchestratorConfig as Config
from .config import AcmeOrchestratorSettings as Settings
from .core.jobs import COORDINATOR, ORCHESTRATION, Job

LABEL = "zenml."
"""What the orchestrator's own labels and annotations start with."""

NAME_LABEL = f"{LABEL}job"
"""The label with a job's name. Those of Kubernetes' own are others in each version."""

STARTUP_TIMEOUT = f"{LABEL}startup-timeout-seconds"
SCHEDULING_TIMEOUT = f"{LABEL}scheduling-timeout-seconds"
NODE_LOST_TIMEOUT = f"{LABEL}node-lost-timeout-seconds"

CONTAINER = "main"

CONTROL_JOB_VARIABLE = "ZENML_CONTROL_JOB"
"""Names, in a job that looks after a run, that job. It owns all that it creates."""

NODE_LOST = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
"""Taints of a node that the cluster has lost sight of."""

SQLITE = "sqlite:///"

LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""Where a ZenML server listens that only its own machine reaches."""


def job_manifest(job: Job, config: Config, owner: Mapping[str, Any] | None) -> dict[str, Any]:
    """Describe the Job.

    Args:
        job: The job.
        config: The configuration of the stack component.
        owner: An owner reference; None for a Job that nothing owns.
    """
    settings = job_settings(job)
    spec: dict[str, Any] = {
        "backoffLimit": 0,
        "template": pod_template(job, config),
        "ttlSecondsAfterFinished": settings.ttl_seconds_after_finished,
    }
    if job.is_step:
        # Versions before 1.26 know no such policy, and replace a pod that is evicted.
        disruption = [{"type": "DisruptionTarget", "status": "True"}]
        spec["podFailurePolicy"] = {"rules": [{"action": "FailJob", "onPodConditions": disruption}]}
        if settings.active_deadline_seconds:
            spec["activeDeadlineSeconds"] = settings.active_deadline_seconds
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata(job, owner),
        "spec": spec,
    }


def cron_job_manifest(job: Job, config: Config, cron: str, version: str) -> dict[str, Any]:
    """Describe the CronJob that creates a job at set times.

    Args:
        job: The job.
        config: The configuration of the stack component.
        cron: When.
        version: Which version of `batch` the API server has CronJobs in.
    """
    manifest = job_manifest(job, config, owner=None)
    named = manifest["metadata"]
    template = {"metadata": {**named, "name": None}, "spec": manifest["spec"]}
    return {
        "apiVersion": f"batch/{version}",
        "kind": "CronJob",
        "metadata": {**named, "name": cron_job_name(job.name)},
        "spec": {"schedule": cron, "concurrencyPolicy": "Allow", "jobTemplate": template},
    }


def cron_job_name(name: str) -> str:
    """Shorten a job's name, for Kubernetes to append 11 characters. Its end makes it unique."""
    return name if len(name) <= 52 else f"{name[:39].rstrip('-')}-{name[-12:]}"


def secret_manifest(job: Job, config: Config, owner: Mapping[str, Any] | None) -> dict[str, Any]:
    """Describe the Secret that holds the environment of a job.

    Args:
        job: The job.
        config: The configuration of the stack component.
        owner: An owner reference; None for a Secret that nothing owns yet.
    """
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(job, owner),
        "stringData": environment(job, config),
    }


def metadata(job: Job, owner: Mapping[str, Any] | None) -> dict[str, Any]:
    """Name and label something that belongs to a job."""
    settings = job_settings(job)
    return {
        "name": job.name,
        "labels": labels(job),
        "annotations": {**settings.annotations, **_timeouts(settings)},
        **({"ownerReferences": [dict(owner)]} if owner else {}),
    }


def labels(job: Job) -> dict[str, str]:
    """Label something that belongs to a job."""
    own = {f"{LABEL}{name}": value for name, value in job.labels.items()}
    return {**job_settings(job).labels, **own, NAME_LABEL: job.name}


def pod_template(job: Job, config: Config) -> dict[str, Any]:
    """Describe the pod of a job."""
    settings = job_settings(job)
    account = settings.service_account_name if job.is_step else config.control_service_account_name
    lost = settings.node_lost_timeout_seconds
    container: dict[str, Any] = {
        "name": CONTAINER,
        "image": job.image,
        # `$(…)` would be replaced, `$$` is a `$`.
        "command": [word.replace("$", "$$") for word in job.command],
        "workingDir": "/app",
        "envFrom": [{"secretRef": {"name": job.name}}],
        "resources": resources(job),
    }
    if job.labels.get("role") in (COORDINATOR, ORCHESTRATION):
        container["env"] = [{"name": CONTROL_JOB_VARIABLE, "value": job.name}]
    spec: dict[str, Any] = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": config.stop_grace_seconds + round(job.extra_grace_seconds),
        # The first process of a container is deaf to signals that it does not handle, and Python
        # handles none while it imports. With a shared namespace there is another first one.
        "shareProcessNamespace": True,
        "enableServiceLinks": False,
        "automountServiceAccountToken": account is not None,
        "nodeSelector": {**settings.node_selector, **_gpu_node(job)},
        "tolerations": [
            *settings.tolerations,
            *(
                {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": lost}
                for key in NODE_LOST
            ),
        ],
        "affinity": settings.affinity,
        "imagePullSecrets": [{"name": name} for name in settings.image_pull_secrets],
    }
    if account is not None:
        spec["serviceAccountName"] = account
    if config.local:
        spec, container = merged(spec, _on_this_machine(job)), merged(container, _mounts(job))
    return {
        "metadata": {"labels": labels(job), "annotations": metadata(job, None)["annotations"]},
        "spec": {
            **merged(spec, settings.pod_spec),
            "containers": [merged(container, settings.container)],
        },
    }


def environment(job: Job, config: Config) -> dict[str, str]:
    """Return the variables of a job.

    Raises:
        ValueError: If one of them has a name that no container can have.
    """
    for name in job.environment:
        if not re.fullmatch(r"[-._a-zA-Z][-._a-zA-Z0-9]*", name):
            raise ValueError(
                f"The environment variable {name!r} can't be set in a container of Kubernetes: "
                "names consist of letters, digits, `_`, `-` and `.`, and don't start with a digit."
            )
    completed = dict(job.environment)
    if config.local and _local_directories(job):
        # The client has migrated its database already, and a container's ZenML may be another.
        completed.setdefault(ENV_ZENML_DISABLE_DATABASE_MIGRATION, "true")
        completed.setdefault("HOME", "/tmp")  # noqa: S108 - the user has none in the image
    return completed


def resources(job: Job) -> dict[str, dict[str, str]]:
    """Translate what a job asks for. Request and limit are the same: a job gets what it asked."""
    asked = {}
    if job.cpu is not None:
        asked["cpu"] = f"{math.ceil(job.cpu * 1000)}m"
    if job.memory is not None:
        asked["memory"] = str(job.memory)
    if job.gpus:
        asked[job_settings(job).gpu_resource] = str(job.gpus)
    return {"requests": asked, "limits": dict(asked)} if asked else {}


def job_settings(job: Job) -> Settings:
    """Return the settings of a job."""
    return job.settings if isinstance(job.settings, Settings) else Settings()


def merged(own: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Merge mappings; append lists; replace everything else."""
    result = dict(own)
    for name, value in more.items():
        before = result.get(name)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            result[name] = merged(before, value)
        elif isinstance(before, list) and isinstance(value, list):
            result[name] = [*before, *value]
        else:
            result[name] = value
    return result


def _timeouts(settings: Settings) -> dict[str, str]:
    timeouts = {
        STARTUP_TIMEOUT: settings.startup_timeout_seconds,
        SCHEDULING_TIMEOUT: settings.scheduling_timeout_seconds,
        NODE_LOST_TIMEOUT: settings.node_lost_timeout_seconds,
    }
    return {name: str(seconds) for name, seconds in timeouts.items() if seconds is not None}


def _gpu_node(job: Job) -> dict[str, str]:
    return {job_settings(job).gpu_class_label: job.gpu_class} if job.gpu_class else {}


def _on_this_machine(job: Job) -> dict[str, Any]:
    """Give a pod what it needs of the machine that is client and node in one."""
    directories = _local_directories(job)
    spec: dict[str, Any] = {
        "volumes": [
            {"name": f"local-{number}", "hostPath": {"path": str(path)}}
            for number, path in enumerate(directories)
        ]
    }
    if directories:
        owner = os.stat(directories[0])
        spec["securityContext"] = {"runAsUser": owner.st_uid, "runAsGroup": owner.st_gid}
    store = urlparse(job.environment.get(f"{ENV_ZENML_STORE_PREFIX}URL", ""))
    if store.hostname in LOOPBACK:
        spec |= {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}
    return spec


def _mounts(job: Job) -> dict[str, Any]:
    return {
        "volumeMounts": [
            {"name": f"local-{number}", "mountPath": str(path)}
            for number, path in enumerate(_local_directories(job))
        ]
    }


def _local_directories(job: Job) -> list[Path]:
    """What a job needs of the client's machine: ZenML's database, artifacts, or neither."""
    paths = set()
    if stores := job.environment.get(ENV_ZENML_LOCAL_STORES_PATH):
        paths.add(Path(stores))
    url = job.environment.get(f"{ENV_ZENML_STORE_PREFIX}URL", "")
    if url.startswith(SQLITE):
        paths.add(Path(url.removeprefix(SQLITE)).parent)
    return sorted(path for path in paths if not any(other in path.parents for other in paths))
