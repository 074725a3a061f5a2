"""What the component is registered with while it is judged, and what live containers need."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

from zenml_conformance.harness import MADE_UP_IMAGE, SeamHarness

PACKAGES = (
    *("zenml_conformance", "example_pkg"),
    *("boto3", "botocore", "jmespath", "s3transfer"),
)
CACHE = Path(__file__).resolve().parents[1] / ".pytest_cache"
"""Where pytest lets the suite work."""


class BatchHarness(SeamHarness):
    """Judges on the emulated AWS that `AWS_ENDPOINT_URL` leads to; on none if it is not set.

    Batch runs containers on this machine there, so they are shown what is judged, what judges, and
    where to leave what was seen. The image that `LIVE_IMAGE` names needs ZenML and nothing else.
    """

    job_name_pattern = r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}"

    def config(self) -> dict[str, Any]:
        """Give the configuration; the account is the one that emulations have."""
        CACHE.mkdir(exist_ok=True)
        shown = {str(CACHE): (CACHE, False)}
        for name in PACKAGES:
            directory = Path(str(importlib.import_module(name).__file__)).parent
            shown[f"/app/{name}"] = (directory, True)
        names = [f"shown-{number}" for number, _ in enumerate(shown)]
        volumes = [
            {"name": name, "host": {"sourcePath": str(path)}}
            for name, (path, _) in zip(names, shown.values(), strict=True)
        ]
        mounts = [
            {"sourceVolume": name, "containerPath": target, "readOnly": read_only}
            for name, (target, (_, read_only)) in zip(names, shown.items(), strict=True)
        ]
        role = "arn:aws:iam::123456789012:role/zenml"
        return {
            "endpoint_url": os.environ.get("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
            "queue": os.environ.get("LIVE_QUEUE", "zenml"),
            "job_role": role,
            "execution_role": role,
            "scheduler_role": role,
            "poll_seconds": 1,
            "container_properties": {"volumes": volumes, "mountPoints": mounts},
        }

    def image(self) -> str:
        """Name the image."""
        return os.environ.get("LIVE_IMAGE", MADE_UP_IMAGE)
