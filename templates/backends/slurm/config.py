"""Settings and configuration. This file is yours: add what your cluster needs to know."""

from __future__ import annotations

from pydantic import Field
from zenml.config.base_settings import BaseSettings
from zenml.orchestrators import BaseOrchestratorConfig

from .core.jobs import JobBackend


class AcmeOrchestratorSettings(BaseSettings):
    """What pipelines and steps set under `orchestrator.acme_flavor`.

    What a pipeline sets holds for each of its steps, and for the job that looks after the run.
    """

    synchronous: bool = Field(
        default=True,
        description="Whether the client waits until the run has ended.",
    )
    partition: str | None = Field(
        default=None,
        description="The partition to run in, or several, separated by commas. Default: the "
        "cluster's, here as for all that follows.",
    )
    account: str | None = Field(
        default=None,
        description="The account that pays.",
    )
    qos: str | None = Field(
        default=None,
        description="The quality of service.",
    )
    time_limit: str | None = Field(
        default=None,
        description="How long a job may run, as `sbatch --time` understands it: 90 (minutes), "
        "12:00:00 or 2-12 (days and hours).",
    )
    constraint: str | None = Field(
        default=None,
        description="Features that the node must have.",
    )
    extra_flags: list[str] = Field(
        default=[],
        description="More options of `sbatch`, for example ['--exclusive', '--nodelist=n1'].",
    )
    image: str | None = Field(
        default=None,
        description="Container image to run in, with ZenML, this package and the pipeline's "
        "code in it, as `container_command` understands it. Default: no container; the nodes then "
        "share the paths of the client.",
    )
    container_command: list[str] = Field(
        default=[],
        description="What runs a command in a container; the image and the command follow. For "
        "example ['apptainer', 'exec']. It has to hand SIGTERM and the environment on.",
    )


class AcmeOrchestratorConfig(
    BaseOrchestratorConfig,
    AcmeOrchestratorSettings,
):
    """What the stack component is registered with; also the default of every setting."""

    login_node: str | None = Field(
        default=None,
        description="Where to run Slurm's commands, as `ssh` understands it, for example "
        "me@login.example.org. Keys and the like belong into the configuration of OpenSSH; it may "
        "not ask for a password. Default: on this machine.",
    )
    ssh_options: list[str] = Field(
        default=[],
        description="More options of `ssh`, for example ['-p', '2222'].",
    )
    log_directory: str = Field(
        default="slurm_logs",
        description="Where jobs write their output, on a file system that the nodes and the login "
        "node share; relative to the home directory. Made for its owner alone if it is not there.",
    )
    full_queue_timeout_seconds: float = Field(
        default=JobBackend.room_seconds,
        ge=0,
        description="How long to wait for room in the queue, for each job, while the cluster takes "
        "no more jobs of yours (MaxSubmitJobs) or of anyone (MaxJobCount). Seconds. Then the run "
        "is given up, and its jobs are cancelled.",
    )

    @property
    def is_remote(self) -> bool:
        """Whether jobs can't reach what exists on the client's machine alone.

        False if the nodes share its file system. If they don't, return True: ZenML then refuses
        stacks with local components, such as the default artifact store, instead of letting steps
        fail.
        """
        return False

    @property
    def is_synchronous(self) -> bool:
        """Whether the client waits until a run has ended."""
        return self.synchronous
