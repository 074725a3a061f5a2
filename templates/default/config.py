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
        "code in it. Default: no container; machines then share the paths of the client.",
    )


class AcmeOrchestratorConfig(
    BaseOrchestratorConfig,
    AcmeOrchestratorSettings,
):
    """What the stack component is registered with; also the default of every setting.

    A field that only this class has is the same for all runs (an address, an account). For a
    password or token use `zenml.utils.secret_utils.SecretField` instead of `Field`.
    """

    @property
    def is_remote(self) -> bool:
        """Whether jobs run where the client's machine can't be reached.

        Return True if they do: ZenML then refuses stacks with components that exist on the
        client's machine alone, instead of letting every step fail.
        """
        return False

    @property
    def is_schedulable(self) -> bool:
        """Whether pipelines may have a schedule.

        Return True when the backend and the orchestrator have what `core/schedules.py` says. Until
        then ZenML refuses schedules, which is better than to keep a record of one that never fires.
        """
        return False

    @property
    def is_synchronous(self) -> bool:
        """Whether the client waits until a run has ended."""
        return self.synchronous
