"""Which of ZenML's orchestrators are judged, and how."""

from __future__ import annotations

from dataclasses import dataclass

from zenml_conformance.contract.selection import areas

STATIC_RULES = ("PKG-1", "PKG-4", "PKG-5", "RUNID-5")
"""Rules that need no run: what they look at are classes."""


@dataclass(frozen=True)
class Subject:
    """An orchestrator that ZenML ships.

    Attributes:
        flavor: Its flavor.
        tier: How it is judged: `live` on its own backend, `emulated` on an emulated service, or
            `static` by what its classes say.
        harness: `module:Class`; None: it needs none.
        integration: ZenML's integration that has to be installed; None: it is built in.
        without: Areas whose rules are left out, for their part of the service is not imitated.
    """

    flavor: str
    tier: str
    harness: str | None = None
    integration: str | None = None
    without: tuple[str, ...] = ()

    @property
    def rules(self) -> list[str]:
        """The areas and ids of the rules that are judged; empty: all of them."""
        if self.tier == "static":
            return list(STATIC_RULES)
        return [area for area in areas() if area not in self.without] if self.without else []


def _emulated(
    flavor: str, harness: str, integration: str, without: tuple[str, ...] = ()
) -> Subject:
    return Subject(flavor, "emulated", f"{__package__}.{harness}", integration, without)


SUBJECTS = {
    subject.flavor: subject
    for subject in (
        Subject("local", "live"),
        _emulated("kubernetes", "kubernetes:KubernetesHarness", "kubernetes"),
        _emulated("sagemaker", "sagemaker:SagemakerHarness", "aws"),
        _emulated("vertex", "vertex:VertexHarness", "gcp"),
        _emulated("kubeflow", "kubeflow:KubeflowHarness", "kubeflow"),
        _emulated("modal", "modal:ModalHarness", "modal"),
        _emulated("azureml", "azureml:AzureMLHarness", "azure"),
        _emulated("databricks", "databricks:DatabricksHarness", "databricks"),
        Subject("local_docker", "live", f"{__package__}.local_docker:LocalDockerHarness"),
        _emulated("ssh", "ssh:SSHHarness", "ssh"),
        _emulated("airflow", "airflow:AirflowHarness", "airflow"),
        # Steps share one machine where they have no settings of their own.
        _emulated("vm_aws", "skypilot:SkypilotHarness", "skypilot_aws", without=("SET",)),
        Subject("hyperai", "static", integration="hyperai"),
        Subject("lightning", "static", integration="lightning"),
        Subject("tekton", "static", integration="tekton"),
    )
}
"""By flavor, in the order of the matrix."""
