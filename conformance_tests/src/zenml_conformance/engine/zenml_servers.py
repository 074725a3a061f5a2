"""What an engine imports that forks ZenML servers, and whether it is there."""

from __future__ import annotations

import importlib.util

MODULES = ("uvicorn", "zenml.zen_server.zen_server_api")
"""Beyond what clients import. An engine that has imported them forks a server in less than a
second; a new interpreter takes twenty."""

INSTALL = "pip install 'zenml-conformance[server]'"
"""What brings them."""


def are_installed() -> bool:
    """Say whether this environment has what a ZenML server needs."""
    return all(importlib.util.find_spec(name) for name in ("uvicorn", "fastapi", "jwt"))
