"""Settings and configuration. This file is yours: add what your system needs to know."""

from __future__ import annotations

import os

from pydantic import Field
from zenml.config.base_settings import BaseSettings
from zenml.orchestrators import BaseOrchestratorConfig
from zenml.utils.secret_utils import SecretField

TOKEN_VARIABLE = "HTTP_JOBS_TOKEN"  # noqa: S105 - the name of a variable


class HttpJobsOrchestratorSettings(BaseSettings):
    """What pipelines and steps set under `orchestrator.http_jobs`.

    A field here may differ from step to step (a queue, a time limit). The backend finds its value
    in `job.settings`.
    """

    synchronous: bool = Field(
        default=True,
        description="Whether the client waits until the run has ended.",
    )
    image: str | None = Field(
        default=None,
        description="Container image to run in, with ZenML, this package and the pipeline's "
        "code in it. Default: no container; all machines must then see the client's paths.",
    )


class HttpJobsOrchestratorConfig(
    BaseOrchestratorConfig,
    HttpJobsOrchestratorSettings,
):
    """The configuration of the stack component. Its values are the defaults of the settings.

    A field that only this class has is the same for all runs (an address, an account). For a
    password or token use `zenml.utils.secret_utils.SecretField` instead of `Field`.
    """

    address: str = Field(
        default="http://127.0.0.1:8123",
        pattern=r"^https?://[^/]+$",
        description="Address of the job server, without a path.",
    )
    token: str | None = SecretField(
        default=None,
        description="Token of the job server, as a reference to a secret of ZenML's. "
        f"Default: the variable {TOKEN_VARIABLE}.",
    )

    @property
    def server_token(self) -> str:
        """The token, from wherever it is.

        Raises:
            RuntimeError: If it is nowhere.
        """
        if token := self.token or os.environ.get(TOKEN_VARIABLE):
            return token
        raise RuntimeError(
            f"There is no token for {self.address}, which refuses requests without one. Register "
            "the orchestrator with --token='{{SECRET.KEY}}', or set the variable "
            f"{TOKEN_VARIABLE}."
        )

    @property
    def is_remote(self) -> bool:
        """Whether jobs can't reach what exists on the client's machine alone.

        False if they share its file system. If they don't, return True: ZenML then refuses stacks
        with local components, such as the default artifact store, instead of letting steps fail.
        """
        return False

    @property
    def is_schedulable(self) -> bool:
        """Whether pipelines may have a schedule.

        Return True when the backend is a `SchedulingBackend`, and the orchestrator inherits from
        `ScheduledRuns` (`core/schedules.py`). Until then ZenML refuses schedules, which is better
        than to keep a record of one that never fires.
        """
        return False

    @property
    def is_synchronous(self) -> bool:
        """Whether the client waits until a run has ended."""
        return self.synchronous
