"""What the emulated services have in common."""

from __future__ import annotations

from typing import Any

from zenml.artifact_stores import LocalArtifactStore
from zenml.config.global_config import GlobalConfiguration

from zenml_conformance import Component

REGISTRY = Component("default", {"uri": "registry.conformance.invalid"})
"""A container registry with a remote address, to which nothing is pushed."""

BUILDER = Component("local")
"""An image builder that is never asked: the suite names an image that needs no build."""


def with_local_stores(environment: dict[str, str]) -> dict[str, str]:
    """Add to a job's environment where the artifact store is.

    A remote store is found by its address; the suite's is a directory of this machine.

    Args:
        environment: What the orchestrator gave to the job.

    Returns:
        The same and `ZENML_LOCAL_STORES_PATH`.
    """
    return {**environment, "ZENML_LOCAL_STORES_PATH": GlobalConfiguration().local_stores_path}


def let_artifact_store_look_remote() -> None:
    """Keep validators from refusing the suite's artifact store because it is a directory.

    The emulated service's jobs run on this machine and reach it.
    """
    LocalArtifactStore.local_path = property(lambda self: None)  # type: ignore[assignment,method-assign]


def plain(value: Any) -> Any:
    """Make something that was said about a job fit for JSON.

    Args:
        value: Anything.

    Returns:
        The same, with texts in place of what JSON has no words for.
    """
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(item) for item in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
