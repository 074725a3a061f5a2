"""Settings and configuration. This file is yours: add what your system needs to know."""

from __future__ import annotations

from pydantic import Field
from zenml.config.base_settings import BaseSettings
from zenml.orchestrators import BaseOrchestratorConfig


class AcmeOrchestratorSettings(BaseSettings):
    """What pipelines and steps set under `orchestrator.acme_flavor`.

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


class AcmeOrchestratorConfig(
    BaseOrchestratorConfig,
    AcmeOrchestratorSettings,
):
    """The configuration of the stack component. Its values are the defaults of the settings.

    A field that only this class has is the same for all runs (an address, an account). For a
    password or token use `zenml.utils.secret_utils.SecretField` instead of `Field`.
    """

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
