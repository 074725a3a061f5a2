"""What the fake backend does wrong on purpose."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from zenml_conformance.fake_backend.jobs import Job


class Faults(BaseModel):
    """What a fake backend does wrong, so that an orchestrator shows how it takes it.

    Attributes:
        accepts: How many submissions are accepted before every further one is refused.
        hollow_steps: Step jobs are recorded as succeeded at once and never run.
        hollow: The same for the jobs of these steps.
        cold_steps: These steps run in a newly started interpreter instead of a fork.
        hold: Jobs of these steps stay queued; `*` holds those of all steps, and an empty name
            those that run no step.
        purges: A job that has ended is unknown from then on.
        flaps: Of a running job, each caller hears that it is queued, then that it is running, and
            so on in turns.
        status_fails: How many times in a row the next questions for a state are not answered.
        accepts_schedules: Whether the backend takes schedules.
    """

    model_config = ConfigDict(extra="forbid")

    accepts: int | None = None
    hollow_steps: bool = False
    hollow: tuple[str, ...] = ()
    cold_steps: tuple[str, ...] = ()
    hold: tuple[str, ...] = ()
    purges: bool = False
    flaps: bool = False
    status_fails: int = 0
    accepts_schedules: bool = True

    def hollows(self, job: Job) -> bool:
        """Say whether a job ends well without having run.

        Args:
            job: The job.

        Returns:
            Whether it does.
        """
        return job.step is not None and (self.hollow_steps or job.step in self.hollow)

    def holds(self, job: Job) -> bool:
        """Say whether a job must stay queued.

        Args:
            job: The job.

        Returns:
            Whether it must.
        """
        if job.step is None:
            return "" in self.hold
        return "*" in self.hold or job.step in self.hold
