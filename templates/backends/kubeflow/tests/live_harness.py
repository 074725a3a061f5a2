"""What a judgement has to know of the stack besides what is in `pyproject.toml`."""

from __future__ import annotations

import os
from typing import Any

from zenml_conformance.harness import MADE_UP_IMAGE, SeamHarness


class KubeflowHarness(SeamHarness):
    """Says that jobs reach what is on this machine, as those of the suite's own backend do.

    At the live tier, `KF_PIPELINES_ENDPOINT` leads to the API, and pods have to reach the suite's
    files and its server. `LIVE_IMAGE` names an image with ZenML, this package and the suite.
    """

    def config(self) -> dict[str, Any]:
        """Allow local stores, and the token of a server that is gone when the judgement ends."""
        config: dict[str, Any] = {"local": True, "token_in_pipeline": True}
        if host := os.environ.get("KF_PIPELINES_ENDPOINT"):
            config |= {"host": host, "in_cluster_host": host}
        return config

    def image(self) -> str:
        """Name the image."""
        return os.environ.get("LIVE_IMAGE", MADE_UP_IMAGE)
