"""Orchestrators of ZenML's that are registered and looked at, and never run."""

from __future__ import annotations

from typing import Any

from zenml_conformance import BlackBox

STATIC_RULES = ("PKG-1", "PKG-4", "PKG-5", "RUNID-5")
"""Rules that need no run: what they look at are classes."""


class AzureMLHarness(BlackBox):
    """Registers `azureml`."""

    def config(self) -> dict[str, Any]:
        """Give what the component can't be registered without."""
        return {"subscription_id": "none", "resource_group": "none", "workspace": "none"}


class DatabricksHarness(BlackBox):
    """Registers `databricks`."""

    def config(self) -> dict[str, Any]:
        """Give what the component can't be registered without."""
        return {"host": "https://databricks.conformance.invalid"}


class SSHHarness(BlackBox):
    """Registers `ssh`."""

    def config(self) -> dict[str, Any]:
        """Give what the component can't be registered without."""
        return {"hostname": "ssh.conformance.invalid", "username": "nobody"}
