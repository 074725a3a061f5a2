"""Which of ZenML's orchestrators are judged, and how."""

from __future__ import annotations

from dataclasses import dataclass

from zenml_conformance.contract.rules import RULES
from zenml_conformance.contract.selection import area_of, areas, select

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
        without: Areas and rules that are left out, for their part of the service is not imitated,
            or the own backend can't show them.
        emulation: The harness that judges those all the same; None: none does.
        patience: How long the own backend may take to start a job, in seconds; None: the suite's
            own patience will do.
        surroundings: `module:function`, a context manager that gives the variables with which
            the own backend is reached; None: it needs none.
    """

    flavor: str
    tier: str
    harness: str | None = None
    integration: str | None = None
    without: tuple[str, ...] = ()
    emulation: str | None = None
    patience: int | None = None
    surroundings: str | None = None

    @property
    def rules(self) -> list[str]:
        """The areas and ids of the rules that are judged; empty: all of them."""
        if self.tier == "static":
            return list(STATIC_RULES)
        left_out = select(self.without)
        rules: list[str] = []
        for area in areas() if left_out else ():
            whole = [rule for rule in RULES if area_of(rule) == area]
            kept = [rule for rule in whole if rule not in left_out]
            rules += [area] if kept == whole else kept
        return rules

    @property
    def emulated(self) -> Subject:
        """The same on the emulated service, for the rules that are left out."""
        return Subject(self.flavor, "emulated", self.emulation, self.integration)


def _emulated(
    flavor: str, harness: str, integration: str, without: tuple[str, ...] = ()
) -> Subject:
    return Subject(flavor, "emulated", f"{__package__}.{harness}", integration, without)


SUBJECTS = {
    subject.flavor: subject
    for subject in (
        Subject("local", "live"),
        Subject(
            "kubernetes",
            "live",
            f"{__package__}.kubernetes_cluster:KubernetesClusterHarness",
            "kubernetes",
            # The cluster has CronJobs in `batch/v1beta1` alone, where ZenML does not make them.
            without=("SCHED", "SUB-3", "SUB-7"),
            patience=120,
            emulation=f"{__package__}.kubernetes:KubernetesHarness",
            surroundings=f"{__package__}.kubernetes_cluster:namespace",
        ),
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
