"""ZenML's `local_docker` orchestrator on a real container engine that speaks Docker's API."""

from __future__ import annotations

import tempfile
from typing import Any

from zenml_conformance import BlackBox, Component


class LocalDockerHarness(BlackBox):
    """Names an image that has ZenML and the suite, and lets containers reach what is judged."""

    def config(self) -> dict[str, Any]:
        """Give what every container is started with."""
        directory = tempfile.gettempdir()
        return {
            "run_args": {
                # The session's directory is in there: steps leave their probes in it.
                "volumes": {directory: {"bind": directory, "mode": "rw"}},
                # A step of the suite kills itself, which the first process of a PID namespace
                # can't; the kernel can, when memory runs out.
                "pid_mode": "host",
            }
        }

    def components(self) -> dict[str, Component]:
        """Give what the orchestrator's validator demands."""
        return {"image_builder": Component("local")}

    def image(self) -> str:
        """Give the image that `steps.Dockerfile` makes."""
        return "zenml-conformance/steps"
