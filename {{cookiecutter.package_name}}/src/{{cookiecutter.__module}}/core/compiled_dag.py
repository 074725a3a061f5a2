"""The topology of a compiled DAG: the backend takes all jobs of a run at once, as one object.

What follows is the same as with a native DAG: the backend keeps the order, and the finalizer, the
last job, gives a final status to what has died without one. Only the submission differs: the run
is accepted as a whole or not at all.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from .jobs import Job, JobBackend
from .monitoring import submit_job
from .native_dag import NativeDagTopology
from .topology import SubmittedJobs

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse

    from .job_factory import JobFactory


class DagBackend(JobBackend):
    """A backend whose system takes the jobs of a run as one object.

    Some such systems can't end a job of it alone. `cancel` may leave it then: who ends a run
    cancels all of its jobs, the finalizer among them, and that one stands for the run.
    """

    @abstractmethod
    def submit_dag(self, jobs: Sequence[Job]) -> str:
        """Hand all jobs of a run to the system, and return without waiting for them.

        Args:
            jobs: The jobs. Here `Job.depends_on` has no ids, which don't exist yet, but the names
                of jobs that come before it in this list. The last one is the finalizer.

        Returns:
            The id of the finalizer. `find` has to find it by the finalizer's name.

        Raises:
            Exception: What `submit` raises, and for the same reasons. No job may be left then.
        """

    @abstractmethod
    def id_in_dag(self, finalizer_id: str, job: Job) -> str:
        """Return the id of another job of the run.

        Args:
            finalizer_id: What `submit_dag` has returned.
            job: The job.
        """


class CompiledDagTopology(NativeDagTopology):
    """The backend keeps the order of jobs that it has been given all at once."""

    def submit(
        self,
        factory: JobFactory,
        run: PipelineRunResponse,
        base_environment: Mapping[str, str],
        step_environments: Mapping[str, Mapping[str, str]],
    ) -> SubmittedJobs:
        """Submit all steps and the finalizer.

        Raises:
            Exception: If the backend does not take the run. None of its jobs is left then.
        """
        del run
        backend = self.backend
        if not isinstance(backend, DagBackend):
            raise TypeError(f"{type(backend).__name__} can't take all jobs of a run at once.")
        steps = {name: factory.step(name, step_environments[name]) for name in step_environments}
        finalizer = factory.control(self.role, base_environment)
        self.check(steps, finalizer)

        configurations = factory.snapshot.step_configurations
        # ZenML lists steps in an order in which each comes after those that it needs.
        jobs = [
            replace(
                steps[name],
                depends_on=tuple(
                    steps[before].name for before in configuration.spec.upstream_steps
                ),
            )
            for name, configuration in configurations.items()
        ]
        finalizer = replace(
            finalizer, depends_on=tuple(job.name for job in jobs), start_when="ended"
        )
        finalizer_id = submit_job(
            backend, finalizer, submit=lambda finalizer: backend.submit_dag([*jobs, finalizer])
        )
        return SubmittedJobs(
            finalizer_id,
            {name: backend.id_in_dag(finalizer_id, steps[name]) for name in configurations},
        )
