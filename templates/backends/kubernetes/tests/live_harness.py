"""What `pytest --conformance-tier=live` needs besides a cluster: pods that have the suite."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

from zenml_conformance.harness import MADE_UP_IMAGE, SeamHarness

PACKAGES = ("zenml_conformance", "example_pkg")
CACHE = Path(__file__).resolve().parents[1] / ".pytest_cache"
"""Where pytest lets the suite work."""


class KubernetesHarness(SeamHarness):
    """Shows pods what is judged, what judges, and where to leave what was seen.

    That needs a cluster whose only node is this machine. The image that `LIVE_IMAGE` names needs
    ZenML and this package's dependencies.
    """

    def config(self) -> dict[str, Any]:
        """Mount both packages where Python looks for them, and what the suite works with."""
        CACHE.mkdir(exist_ok=True)
        mounted = {str(CACHE): str(CACHE)}
        for name in PACKAGES:
            directory = Path(str(importlib.import_module(name).__file__)).parent
            mounted[str(directory)] = f"/app/{name}"
        names = [f"live-{number}" for number in range(len(mounted))]
        return {
            "local": True,
            "kubernetes_namespace": os.environ.get("LIVE_NAMESPACE", "zenml"),
            "pod_spec": {
                "hostNetwork": True,
                "volumes": [
                    {"name": name, "hostPath": {"path": here}}
                    for name, here in zip(names, mounted, strict=True)
                ],
            },
            "container": {
                "volumeMounts": [
                    {"name": name, "mountPath": there}
                    for name, there in zip(names, mounted.values(), strict=True)
                ],
            },
        }

    def image(self) -> str:
        """Name the image."""
        return os.environ.get("LIVE_IMAGE", MADE_UP_IMAGE)
