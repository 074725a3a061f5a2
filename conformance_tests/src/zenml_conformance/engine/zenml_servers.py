"""What an engine that forks ZenML servers has ready for them, and whether it is there."""

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


def warm_up() -> None:
    """Do once what every server would do before, or with, its first request.

    FastAPI builds the routes when the first request looks for one, which takes longer than to
    answer fifty; ZenML looks for every service connector, most of which are not installed.
    """
    from zenml.service_connectors.service_connector_registry import service_connector_registry
    from zenml.zen_server.zen_server_api import app

    service_connector_registry.register_builtin_service_connectors()
    nowhere = {"type": "http", "method": "GET", "path": "/nowhere", "root_path": "", "headers": []}
    for route in app.routes:
        route.matches(nowhere)
