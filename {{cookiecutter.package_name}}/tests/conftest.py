"""Keep the tests away from your own ZenML: nothing of it is read or written."""

from __future__ import annotations

import os
import tempfile

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Hide your ZenML, before a module with steps and pipelines is imported."""
    folder = tempfile.TemporaryDirectory()
    config.add_cleanup(folder.cleanup)
    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    for name in [*os.environ]:
        if name.startswith("ZENML_") or name == "DISABLE_DATABASE_MIGRATION":
            patch.delenv(name)
    patch.setenv("ZENML_CONFIG_PATH", folder.name)
    # Otherwise ZenML looks for `.zen` in this directory and those above it, and uses and changes
    # the active stack of the repository that it finds (`zenml.client.Client.find_repository`).
    patch.setenv("ZENML_REPOSITORY_PATH", os.devnull)
    patch.setenv("ZENML_ANALYTICS_OPT_IN", "false")
    patch.setenv("ZENML_ENABLE_RICH_TRACEBACK", "false")
