"""What the emulated services have in common."""

from __future__ import annotations

from pathlib import Path

from zenml.artifact_stores import LocalArtifactStore, LocalArtifactStoreConfig
from zenml.config.global_config import GlobalConfiguration
from zenml.image_builders import LocalImageBuilderConfig

from zenml_conformance import Component, Harness
from zenml_conformance.engine import session


class EmulatedHarness(Harness):
    """A stack such as orchestrators of containers demand."""

    def components(self) -> dict[str, Component]:
        """Give a registry to which nothing is pushed, and a builder that is never asked.

        The registry's address is remote; the suite names an image that needs no build.
        """
        return {
            "container_registry": Component("default", {"uri": "registry.conformance.invalid"}),
            "image_builder": Component("local"),
        }


def with_local_stores(environment: dict[str, str]) -> dict[str, str]:
    """Add to a job's environment where the artifact store is.

    A remote store is found by its address; the suite's is a directory of this machine.

    Args:
        environment: What the orchestrator gave to the job.

    Returns:
        The same and `ZENML_LOCAL_STORES_PATH`.
    """
    return {**environment, "ZENML_LOCAL_STORES_PATH": GlobalConfiguration().local_stores_path}


def directory_of_service(name: str) -> Path:
    """Give a directory of the scenario's, which the suite searches for what is secret.

    Args:
        name: Its name.

    Returns:
        Where it is; nobody has made it yet.

    Raises:
        RuntimeError: Outside a scenario.
    """
    here = session.current
    if here is None or here.backend is None:
        raise RuntimeError("An emulated service is a scenario's: there is none here.")
    return Path(here.backend, "backend", name)


def let_components_look_remote() -> None:
    """Keep validators from refusing the stack because parts of it are on this machine.

    The emulated service's jobs run here and reach the artifact store; images are not built.
    """
    LocalArtifactStore.local_path = property(lambda self: None)  # type: ignore[assignment,method-assign]
    for config in (LocalArtifactStoreConfig, LocalImageBuilderConfig):
        config.is_local = property(lambda self: False)  # type: ignore[assignment,method-assign]
