"""Caching: steps that ZenML has already recorded must not run again."""

from __future__ import annotations

from zenml_conformance.context.evidence import Evidence
from zenml_conformance.contract.rule import MUST, NotApplicable, NotSeen, Violation, rule
from zenml_conformance.scenarios.caching import Caching
from zenml_conformance.scenarios.fired_twice import FiredTwice
from zenml_conformance.scenarios.inspection import Inspection


def _nth(seen: Evidence, number: int) -> tuple[str, list[str], int]:
    """The status of the n-th run, its steps' statuses, and how many calls it took."""
    submission = seen.submissions[number]
    run = next((r for r in seen.runs if r.id == submission.run), None)
    if run is None:
        return "never recorded", [], len(submission.calls)
    statuses = [f"{n} {run.status_of(n)}" for n in ("load", "use")]
    return run.status, statuses, len(submission.calls)


@rule("CACHE-2", MUST)
def cached_steps_are_left_out(caching: Caching) -> None:
    """A run in which ZenML has cached some steps runs the others, and only those.

    Why: client-side caching takes cached steps out of the snapshot it passes to
    `submit_pipeline`, and out of the others' `upstream_steps`. A backend that loads the snapshot
    again sees all of them, runs them again, and dies on their records.

    Fix: run only the steps you were given; treat a step with a successful record as done; or set
    `supports_client_side_caching` to False.
    """
    _, second, third = caching.submissions
    if second.calls and "load" not in second.calls[0].steps:
        jobs = [
            record.job.name
            for record in caching.known_step_jobs
            if record.job.step == "load" and second.began < record.submitted_at < third.began
        ]
        if jobs:
            raise Violation(f"for a step that was taken out of the snapshot, {jobs[0]!r} was run")
    status, steps, _ = _nth(caching, 1)
    loads = sum(probe.step == "load" for probe in caching.probes)
    if status != "completed" or steps != ["load cached", "use completed"] or loads != 1:
        raise Violation(
            f"the second run is {status!r} ({', '.join(steps)}), and the cached step's code ran "
            f"{loads} time(s) in all"
        )


@rule("CACHE-1", MUST, requires=("DAG-2", "CACHE-2", "ART-1"))
def a_wholly_cached_run_runs_nothing(caching: Caching, inspection: Inspection) -> None:
    """A run in which every step is cached completes, and the backend is not bothered.

    Why: ZenML completes such a run itself (`create_cached_step_runs_and_prune_snapshot`). A job
    that starts for it costs a queue's wait, and finds no step to run.

    Fix: don't override `BaseOrchestrator.run`, and don't switch client-side caching off behind
    the user's back.
    """
    status, steps, calls = _nth(caching, 2)
    if status != "completed" or steps != ["load cached", "use cached"]:
        raise Violation(f"the wholly cached run is {status!r} ({', '.join(steps)})")
    if not inspection.client_side_caching:
        raise NotApplicable(
            "it declares supports_client_side_caching=False: ZenML asks the backend every time"
        )
    jobs = 0
    if caching.simulated:
        jobs = len(caching.jobs) - caching.jobs_before_wholly_cached
    if calls or jobs:
        raise Violation(f"for a wholly cached run, submit_pipeline was called and made {jobs} jobs")


@rule("CACHE-3", MUST, requires=("RUNID-2",), since="0.2")
def the_backend_has_no_cache_of_its_own(fired_twice: FiredTwice) -> None:
    """With caching off, a snapshot that is fired twice is executed twice.

    Why: whether a step may be cached is for ZenML to say (`enable_cache`), which knows its code,
    inputs and settings. A backend that recognises the same command a second time hands out old
    results behind ZenML's back, and no record says so.

    Fix: switch the backend's own cache off for every job. In a generated `backend.py`: do so in
    `submit`.
    """
    times = sum(probe.step == "source" for probe in fired_twice.probes)
    if times != len(fired_twice.runs):
        raise Violation(f"of {len(fired_twice.runs)} runs with caching off, {times} ran the step")
    if times < 2:
        raise NotSeen("no snapshot was executed twice")
