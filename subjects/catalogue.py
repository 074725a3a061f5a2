"""Which of ZenML's orchestrators are judged, and how."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Subject:
    """An orchestrator that ZenML ships.

    Attributes:
        flavor: Its flavor.
        tier: How it is judged: `live` on its own backend, `emulated` on an emulated service, or
            `static` by what its classes say.
        harness: `module:Class`; None: it needs none.
        integration: ZenML's integration that has to be installed; None: it is built in.
        without: Rules whose ids begin so are left out, because their part of the service is not
            imitated.
    """

    flavor: str
    tier: str
    harness: str | None
    integration: str | None
    without: tuple[str, ...] = ()


SUBJECTS = {
    subject.flavor: subject
    for subject in (
        Subject("local", "live", None, None),
        Subject("kubernetes", "emulated", "subjects.kubernetes:KubernetesHarness", "kubernetes"),
        Subject("sagemaker", "emulated", "subjects.sagemaker:SagemakerHarness", "aws"),
        Subject("vertex", "emulated", "subjects.vertex:VertexHarness", "gcp"),
        Subject("kubeflow", "emulated", "subjects.kubeflow:KubeflowHarness", "kubeflow"),
        Subject("modal", "emulated", "subjects.modal:ModalHarness", "modal"),
        Subject("azureml", "emulated", "subjects.azureml:AzureMLHarness", "azure"),
        Subject("databricks", "emulated", "subjects.databricks:DatabricksHarness", "databricks"),
        Subject("local_docker", "live", "subjects.local_docker:LocalDockerHarness", None),
        Subject("ssh", "emulated", "subjects.ssh:SSHHarness", "ssh"),
        Subject("airflow", "emulated", "subjects.airflow:AirflowHarness", "airflow"),
        # Steps share one machine where they have no settings of their own.
        Subject(
            "vm_aws", "emulated", "subjects.skypilot:SkypilotHarness", "skypilot_aws", ("SET-1",)
        ),
        Subject("hyperai", "static", None, "hyperai"),
        Subject("lightning", "static", None, "lightning"),
        Subject("tekton", "static", None, "tekton"),
    )
}
"""By flavor, in the order of the matrix."""
