"""What `pytest --conformance-tier=live` needs besides an engine: containers that have the suite."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

from zenml_conformance.harness import MADE_UP_IMAGE, SeamHarness

PACKAGES = ("zenml_conformance", "example_pkg")
CACHE = Path(__file__).resolve().parents[1] / ".pytest_cache"
"""Where pytest lets the suite work."""


class DockerHarness(SeamHarness):
    """Shows containers what is judged, what judges, and where to leave what was seen.

    The image that `LIVE_IMAGE` names needs ZenML and this package's dependencies.
    """

    def config(self) -> dict[str, Any]:
        """Mount both packages where Python looks for them, and what the suite works with."""
        CACHE.mkdir(exist_ok=True)
        volumes = [f"{CACHE}:{CACHE}"]
        for name in PACKAGES:
            directory = Path(str(importlib.import_module(name).__file__)).parent
            volumes.append(f"{directory}:/app/{name}:ro")
        return {"volumes": volumes}

    def image(self) -> str:
        """Name the image."""
        return os.environ.get("LIVE_IMAGE", MADE_UP_IMAGE)
