"""Settings and configuration. This file is yours: add what your cluster needs to know."""

from __future__ import annotations

import re
from typing import Any

from pydantic import Field, field_validator
from zenml.config.base_settings import BaseSettings
from zenml.orchestrators import BaseOrchestratorConfig
from zenml.utils.secret_utils import SecretField

SECRET_KEY = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?/[A-Za-z0-9._-]+")

TOLERATION = {"key", "operator", "value", "effect", "toleration_seconds"}

OWN_ARGUMENTS = {
    "host": "use host",
    "existing_token": "use token",
    "cookies": "use cookies",
}
"""Arguments of `kfp.Client` that are not for `client_args`, and why."""


class AcmeOrchestratorSettings(BaseSettings):
    """What pipelines and steps set under `orchestrator.acme_flavor`.

    What a pipeline sets holds for each of its steps, and for the task that looks after the run.
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
    image_pull_secrets: list[str] = Field(
        default=[],
        description="Names of Kubernetes Secrets with the credentials of the image's registry.",
    )
    secret_environment: dict[str, str] = Field(
        default={},
        description="Variables whose values Kubernetes Secrets hold, each as SECRET/KEY, for "
        "example {'ZENML_STORE_API_KEY': 'zenml/api-key'}. They replace values of the same name.",
    )
    node_selectors: dict[str, str] = Field(
        default={},
        description="Labels that the node must have.",
    )
    tolerations: list[dict[str, Any]] = Field(
        default=[],
        description="Taints of nodes to put up with, each with some of the keys "
        f"{', '.join(sorted(TOLERATION))}.",
    )
    gpu_resource: str = Field(
        default="nvidia.com/gpu",
        description="What the cluster calls the GPUs that `gpu_count` asks for.",
    )
    gpu_class_label: str | None = Field(
        default=None,
        description="Label of nodes that tells the type of their GPUs, for example "
        "nvidia.com/gpu.product: `gpu_class` is its value. Default: `gpu_class` is refused.",
    )
    service_account: str | None = Field(
        default=None,
        description="Service account of the run's pods; read from the pipeline's settings. "
        "Default: Kubeflow's.",
    )
    experiment: str | None = Field(
        default=None,
        description="Experiment that the run belongs to; read from the pipeline's settings. "
        "Default: one with the name of the pipeline.",
    )

    @field_validator("secret_environment")
    @classmethod
    def _secrets_have_a_key(cls, value: dict[str, str]) -> dict[str, str]:
        for variable, secret in value.items():
            if not SECRET_KEY.fullmatch(secret):
                raise ValueError(
                    f"{secret!r}, for {variable}, is no key of a Secret. Write SECRET/KEY, for "
                    "example zenml/api-key. The value itself does not belong here."
                )
        return value

    @field_validator("tolerations")
    @classmethod
    def _tolerations_are_known(cls, value: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for toleration in value:
            if unknown := sorted(toleration.keys() - TOLERATION):
                raise ValueError(
                    f"A toleration has no {', '.join(map(repr, unknown))}. It takes "
                    f"{', '.join(sorted(TOLERATION))}."
                )
        return value


class AcmeOrchestratorConfig(
    BaseOrchestratorConfig,
    AcmeOrchestratorSettings,
):
    """What the stack component is registered with; also the default of every setting."""

    host: str | None = Field(
        default=None,
        pattern=r"\Ahttps?://",
        description="Address of the Kubeflow Pipelines API, as the client reaches it. Default: the "
        "variable KF_PIPELINES_ENDPOINT, else through the active context of your kubeconfig.",
    )
    in_cluster_host: str = Field(
        default="http://ml-pipeline.kubeflow.svc.cluster.local:8888",
        pattern=r"\Ahttps?://",
        description="The same as pods reach it: schedules, and steps of dynamic pipelines that "
        "have a pod of their own, are submitted from there.",
    )
    namespace: str | None = Field(
        default=None,
        description="Your namespace, where Kubeflow has several users (profiles).",
    )
    token: str | None = SecretField(
        default=None,
        description="Token for the API, if it wants one.",
    )
    cookies: str | None = SecretField(
        default=None,
        description="Cookies for the API, if it wants some, for example authservice_session=...",
    )
    client_args: dict[str, Any] = Field(
        default={},
        description="More arguments of `kfp.Client`, for example {'ssl_ca_cert': '/etc/ca.pem'}; "
        "{'namespace': 'kfp'} where a kubeconfig leads to a Kubeflow that is not in `kubeflow`.",
    )
    token_in_pipeline: bool = Field(
        default=False,
        description="Whether ZenML's token may be part of the compiled pipeline, where all can "
        "read it who can see the run in Kubeflow. It ends with the run, or with the schedule. "
        "Default: runs are refused unless `secret_environment` names a Secret with an API key.",
    )
    local: bool = Field(
        default=False,
        description="Whether pods see the files and the ports of this machine as the client does. "
        "ZenML then allows local stores.",
    )
    requirement: str | None = Field(
        default=None,
        description="What pip is told to install this package in the images that ZenML builds, for "
        "example 'PACKAGE @ git+https://HOST/REPOSITORY@TAG'. Default: its name and version, for "
        "a package index that has it.",
    )

    @field_validator("client_args")
    @classmethod
    def _arguments_are_free(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name in value.keys() & OWN_ARGUMENTS.keys():
            raise ValueError(f"{name!r} can't be in client_args: {OWN_ARGUMENTS[name]}.")
        return value

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
        """Whether pipelines may have a schedule."""
        return True

    @property
    def is_synchronous(self) -> bool:
        """Whether the client waits until a run has ended."""
        return self.synchronous
