"""What a topology is: who keeps the order of a static pipeline's steps, and how they get to run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from .entrypoints import StepEntrypoint
from .monitoring import check_job

if TYPE_CHECKING:
    from zenml.enums import ExecutionMode
    from zenml.models import PipelineRunResponse

    from .job_factory import JobFactory
    from .jobs import Job
    from .orchestrator import JobOrchestrator


@dataclass(frozen=True)
class SubmittedJobs:
    """Ids of the jobs that the client has submitted.

    Attributes:
        control: The control job.
        steps: The jobs of steps by name; none where the control job submits them.
    """

    control: str
    steps: Mapping[str, str] = field(default_factory=dict)


class Topology(ABC):
    """Who keeps the order of the steps."""

    role: ClassVar[str]
    """The role of the control job."""

    execution_modes: ClassVar[tuple[ExecutionMode, ...]]
    """What may happen after a step has failed."""

    cancels_steps: ClassVar[bool]
    """Whether the control job, when it is cancelled, cancels those of the steps."""

    step_entrypoint: ClassVar[type[StepEntrypoint]] = StepEntrypoint
    """The program of a step."""

    def __init__(self, orchestrator: JobOrchestrator) -> None:
        """Work for an orchestrator."""
        self.orchestrator = orchestrator
        self.backend = orchestrator.backend

    @abstractmethod
    def submit(
        self,
        factory: JobFactory,
        run: PipelineRunResponse,
        base_environment: Mapping[str, str],
        step_environments: Mapping[str, Mapping[str, str]],
    ) -> SubmittedJobs:
        """Submit what the client has to submit of a run.

        Args:
            factory: Describes the jobs.
            run: The run.
            base_environment: How jobs reach ZenML.
            step_environments: The same for each step, with the variables that it adds.

        Raises:
            ValueError: If a step asks for what the backend can never give. No job has been
                submitted then.
            Exception: If the backend does not take one of the jobs. None is left then.
        """

    def check(self, steps: Mapping[str, Job], control: Job) -> None:
        """Refuse a run with a job that can never run.

        Raises:
            ValueError: If there is one; names the step.
        """
        for name, job in steps.items():
            try:
                check_job(self.backend, job)
            except ValueError as error:
                raise ValueError(f"Step `{name}` can't run here: {error}") from error
        check_job(self.backend, control)
