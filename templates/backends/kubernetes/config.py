"""Settings and configuration. This file is yours: add what your cluster needs to know."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator
from zenml.config.base_settings import BaseSettings
from zenml.orchestrators import BaseOrchestratorConfig

OWN_POD_FIELDS = {
    "affinity": "use the setting affinity",
    "containers": "the container is the step; use the setting container for its fields",
    "nodeSelector": "use the setting node_selector",
    "restartPolicy": "a second attempt would collide with ZenML's record of the first",
    "serviceAccount": "use the setting service_account_name",
    "serviceAccountName": "use the setting service_account_name",
    "terminationGracePeriodSeconds": "use stop_grace_seconds of the stack component",
}
"""Fields of a pod's spec that are not for the setting `pod_spec`, and why."""

OWN_CONTAINER_FIELDS = {
    "args": "it is the step",
    "command": "it is the step",
    "image": "use the setting image",
    "name": "the template finds the container by its name",
    "resources": "use ResourceSettings",
    "tty": "output would not be what was written",
}
"""Fields of a container that are not for the setting `container`, and why."""


class AcmeOrchestratorSettings(BaseSettings):
    """What pipelines and steps set under `orchestrator.acme_flavor`.

    What a pipeline sets holds for each of its steps, and for the Job that looks after the run.
    """

    synchronous: bool = Field(
        default=True,
        description="Whether the client waits until the run has ended.",
    )
    image: str | None = Field(
        default=None,
        description="Image to run in, with ZenML and this package in it. Nothing is built then. "
        "Default: the image that ZenML builds.",
    )
    service_account_name: str | None = Field(
        default=None,
        description="The account of the step's pod, whose token is mounted then. Default: the "
        "namespace's, without a token.",
    )
    node_selector: dict[str, str] = Field(
        default={},
        description="Labels that the node must have.",
    )
    tolerations: list[dict[str, Any]] = Field(
        default=[],
        description="Taints of nodes that the pod tolerates, for example [{'key': 'gpu', "
        "'operator': 'Exists'}].",
    )
    affinity: dict[str, Any] = Field(
        default={},
        description="The pod's `affinity`, in the fields of Kubernetes' API.",
    )
    image_pull_secrets: list[str] = Field(
        default=[],
        description="Names of Secrets with credentials for the image's registry.",
    )
    labels: dict[str, str] = Field(
        default={},
        description="More labels of the Job and its pod.",
    )
    annotations: dict[str, str] = Field(
        default={},
        description="More annotations of the Job and its pod.",
    )
    pod_spec: dict[str, Any] = Field(
        default={},
        description="More fields of the pod's spec, in the words of Kubernetes' API, for example "
        "{'priorityClassName': 'low', 'volumes': [...]}. Lists are appended to, mappings merged.",
    )
    container: dict[str, Any] = Field(
        default={},
        description="More fields of the container, for example {'volumeMounts': [...]}. Lists are "
        "appended to, mappings merged.",
    )
    gpu_resource: str = Field(
        default="nvidia.com/gpu",
        description="The resource that ResourceSettings(gpu_count=...) asks for.",
    )
    gpu_class_label: str = Field(
        default="nvidia.com/gpu.product",
        description="The label of nodes that ResourceSettings(gpu_class=...) selects by.",
    )
    active_deadline_seconds: int | None = Field(
        default=None,
        ge=1,
        description="How long the Job of a step may take in all, waiting included. Then Kubernetes "
        "ends it. Default: as long as it needs.",
    )
    scheduling_timeout_seconds: int | None = Field(
        default=None,
        ge=1,
        description="How long a step may wait for a node or for quota. Then it has failed. "
        "Default: as long as it has to.",
    )
    startup_timeout_seconds: int = Field(
        default=600,
        ge=1,
        description="How long the container may fail to start on its node, for example because its "
        "image can't be pulled. Then the step has failed.",
    )
    node_lost_timeout_seconds: int = Field(
        default=300,
        ge=0,
        description="How long the node may be unreachable. Then the step has failed.",
    )
    ttl_seconds_after_finished: int = Field(
        default=86_400,
        ge=0,
        description="How long Jobs and their pods stay after their end, for `kubectl describe` and "
        "`kubectl logs`.",
    )

    @field_validator("pod_spec")
    @classmethod
    def _pod_fields_are_known_and_free(cls, value: dict[str, Any]) -> dict[str, Any]:
        return _checked("pod_spec", value, "V1PodSpec", OWN_POD_FIELDS)

    @field_validator("container")
    @classmethod
    def _container_fields_are_known_and_free(cls, value: dict[str, Any]) -> dict[str, Any]:
        return _checked("container", value, "V1Container", OWN_CONTAINER_FIELDS)

    @field_validator("tolerations")
    @classmethod
    def _tolerations_are_known(cls, value: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [_checked("tolerations", toleration, "V1Toleration", {}) for toleration in value]

    @field_validator("affinity")
    @classmethod
    def _affinity_is_known(cls, value: dict[str, Any]) -> dict[str, Any]:
        return _checked("affinity", value, "V1Affinity", {})


class AcmeOrchestratorConfig(
    BaseOrchestratorConfig,
    AcmeOrchestratorSettings,
):
    """What the stack component is registered with; also the default of every setting."""

    kubernetes_namespace: str = Field(
        default="zenml",
        pattern=r"\A[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\z",
        description="The namespace that everything is created in. It has to exist.",
    )
    kubernetes_context: str | None = Field(
        default=None,
        description="The context of your kubeconfig to use. Default: the current one; the cluster "
        "itself, in one of its pods. A service connector goes before both.",
    )
    control_service_account_name: str = Field(
        default="zenml-orchestrator",
        description="The account of the pods that look after runs. `rbac.yaml` creates it, with "
        "the permissions that it needs.",
    )
    local: bool = Field(
        default=False,
        description="Whether the nodes are this machine. Pods then mount ZenML's local stores, and "
        "reach a ZenML server that listens on 127.0.0.1.",
    )
    requirement: str | None = Field(
        default=None,
        description="What pip is told to install this package in the images that ZenML builds, for "
        "example 'PACKAGE @ git+https://HOST/REPOSITORY@TAG'. Default: its name and version, for "
        "a package index that has it.",
    )
    stop_grace_seconds: int = Field(
        default=30,
        ge=0,
        description="How long a step that is stopped may take to react before it is killed.",
    )
    timeout_seconds: int = Field(
        default=60,
        ge=1,
        description="How long the API server may take to answer.",
    )

    @property
    def is_local(self) -> bool:
        """Whether steps run on the machine of the client. ZenML then allows local stores."""
        return self.local

    @property
    def is_remote(self) -> bool:
        """Whether they don't. ZenML then refuses components that are on this machine alone."""
        return not self.local

    @property
    def is_schedulable(self) -> bool:
        """Whether pipelines may have a schedule: CronJobs begin their runs."""
        return True

    @property
    def is_synchronous(self) -> bool:
        """Whether the client waits until a run has ended."""
        return self.synchronous


def _checked(
    setting: str, value: dict[str, Any], model: str, own: dict[str, str]
) -> dict[str, Any]:
    for name in value.keys() & own.keys():
        raise ValueError(f"{name!r} can't be in {setting}: {own[name]}.")
    if value:
        # Late, so that flavors can be listed where this library is not installed.
        from kubernetes.client import models

        known = set(getattr(models, model).attribute_map.values()) - own.keys()
        if unknown := sorted(value.keys() - known):
            raise ValueError(
                f"Kubernetes knows no field {', '.join(map(repr, unknown))} of {setting}. It knows "
                f"{', '.join(sorted(known))}."
            )
    return value
