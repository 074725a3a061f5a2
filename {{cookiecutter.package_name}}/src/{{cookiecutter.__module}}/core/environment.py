"""The environment of a job."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from zenml.config.global_config import GlobalConfiguration
from zenml.constants import ENV_ZENML_LOCAL_STORES_PATH, ENV_ZENML_REPOSITORY_PATH

from .run_id import RUN_ID_VARIABLE

if TYPE_CHECKING:
    from zenml.stack import Stack


def job_environment(
    environment: Mapping[str, str], run_id: str | None, stack: Stack, in_container: bool
) -> dict[str, str]:
    """Complete the environment that ZenML gives for a job.

    Args:
        environment: How to reach ZenML, secrets included, plus what the step adds
            (`BaseOrchestrator.run` computes both before it calls `submit_pipeline`).
        run_id: The run id; None for a job that belongs to no run yet.
        stack: The stack that the run uses.
        in_container: Whether the job runs in a container.

    Returns:
        A new dictionary: every variable that the job needs, apart from those of the machine.
    """
    completed = dict(environment)
    if run_id is not None:
        completed[RUN_ID_VARIABLE] = run_id
    if any(component.local_path for component in stack.all_components):
        # ZenML's variables say which store to use but not where this machine keeps local
        # artifacts. Without the path, a job with another home directory would write them where
        # the client never looks.
        completed[ENV_ZENML_LOCAL_STORES_PATH] = GlobalConfiguration().local_stores_path
    if not in_container:
        # The client's directory may hold a `.zen`, whose configuration every process that reads it
        # rewrites, in place (`zenml.client.ClientConfiguration`). A job needs nothing from there:
        # ZenML's variables name stack and project.
        completed.setdefault(ENV_ZENML_REPOSITORY_PATH, os.devnull)
    return completed
