"""Status: what a refresh says of a run, asked from another process."""

from __future__ import annotations

import functools

from zenml_conformance.contract.rule import (
    MUST,
    Capability,
    NotSeen,
    Profile,
    Violation,
    rule,
)
from zenml_conformance.scenarios.refreshed import Refreshed
from zenml_conformance.scenarios.stopped_gracefully import StoppedGracefully

status_rule = functools.partial(
    rule, profile=Profile.OPERATIONS, capability=Capability.STATUS, since="0.2"
)

STEP_WORDS = {"running", "completed", "failed", "stopped"}
"""What ZenML takes for a step without harm (`SqlZenStore.update_run_step`)."""

RUN_WORDS = {
    "initializing",
    "provisioning",
    "running",
    "completed",
    "failed",
    "stopping",
    "stopped",
}
STEPS = {"sleeper", "after_sleeper", "boom"}
OVER = {"completed", "failed", "stopped", "cached", "cancelled"}


def _check_seen(seen: Refreshed) -> None:
    """See that a run was refreshed while it ran, and others when they were over."""
    _ = seen.running, seen.failed, seen.completed


@status_rule("STAT-1", MUST)
def a_refresh_works_from_anywhere(refreshed: Refreshed) -> None:
    """`fetch_status` works on a fresh instance in another process, whatever the run is doing.

    Why: `zenml pipeline runs refresh` and ZenML's server make an instance of their own
    (`zenml.utils.run_utils.refresh_run_status`), with nothing in its memory. What it raises
    reaches the user, and the run stays as it is.

    Fix: find the jobs from the run's metadata or its `orchestrator_run_id`, never from `self`. In a
    generated `backend.py`: have `status` work from the id alone, and keep nothing in the instance.
    """
    for phase, refresh in refreshed.phases.items():
        if refresh.asking_raised:
            raise Violation(f"for a run that is {phase}, it raised {refresh.asking_raised}")
    _check_seen(refreshed)


@status_rule("STAT-2", MUST, requires=("STAT-1",))
def a_refresh_speaks_zenmls_language(refreshed: Refreshed) -> None:
    """Steps go by their invocation ids, and are running or have ended.

    Why: what it returns is stored (`refresh_run_status`). A step that is reported `provisioning`
    or `cancelled` turns a static run `completed`; other words are refused with a warning, and an
    unknown name is passed over (`SqlZenStore.update_run_step`).

    Fix: return `(run status or None, {invocation id: RUNNING, FAILED, STOPPED or COMPLETED})`;
    leave steps out that are queued.
    """
    for phase, refresh in refreshed.phases.items():
        gave = refresh.told
        if gave.run is not None and gave.run not in RUN_WORDS:
            raise Violation(f"for a run that is {phase}, it called the run {gave.run!r}")
        for name, word in gave.steps.items():
            if name not in STEPS or word not in STEP_WORDS:
                raise Violation(f"for a run that is {phase}, it called step {name!r} {word!r}")
    _check_seen(refreshed)


@status_rule("STAT-3", MUST, requires=("STAT-2",))
def what_lives_has_not_ended(refreshed: Refreshed) -> None:
    """A run whose jobs are queued or running is never said to have ended, nor are its steps.

    Why: a final status can't be taken back (`PipelineRunSchema.update`). A refresh that mistakes
    a queue, a requeue or a slow start for an end finishes a healthy run.

    Fix: report an end only for what the backend says is over for good; for all else return None. In
    a generated `backend.py`: have `status` say QUEUED or RUNNING of a job that may go on, such as
    one that is completing.
    """
    for phase, refresh in refreshed.phases.items():
        if phase not in ("queued", "running", "still running"):
            continue
        gave = refresh.told
        if raised := refresh.refreshing_raised:
            raise Violation(f"while its job is {phase}, ZenML refused {gave}: {raised.message}")
        ended = [f"step {name!r} {word}" for name, word in gave.steps.items() if word in OVER]
        if gave.run in OVER:
            ended.append(f"the run {gave.run}")
        if not refresh.in_progress:
            ended.append(f"the store's record of the run {refresh.status}")
        if ended:
            raise Violation(f"while its job is {phase}, a refresh made {', '.join(ended)}")
    run = refreshed.run
    if run is None or run.status != "completed":
        raise Violation(
            f"a run that was refreshed while it ran ended as {run.status if run else 'nothing'!r}"
        )
    _check_seen(refreshed)


@status_rule("STAT-4", MUST, requires=("STAT-1",))
def a_refresh_does_not_undo_a_stop(stopped_gracefully: StoppedGracefully) -> None:
    """While a run is being stopped, a refresh does not call it running.

    Why: ZenML stores what it is told (`refresh_run_status`): `running` overwrites `stopping`,
    and the user's request to stop is lost silently.

    Fix: when `run.status` is STOPPING, return None for the run, or a final status.
    """
    refresh = stopped_gracefully.stopping
    if stopped_gracefully.after_stop.status not in ("stopping", "stopped"):
        raise NotSeen("the run did not turn to `stopping`")
    said = refresh.told.run
    if said == "running" or refresh.status not in ("stopping", "stopped"):
        raise Violation(
            f"a run that was being stopped was called {said!r}, and its record became "
            f"{refresh.status!r}"
        )


@status_rule("STAT-5", MUST, requires=("STAT-3",))
def what_has_ended_stays_as_it_is(refreshed: Refreshed) -> None:
    """A finished run is left as it is, also when the backend has forgotten its jobs.

    Why: backends purge old jobs, and "unknown" is no news about a run that has ended. A status
    that differs from the recorded one raises (`IllegalOperationError`, `PipelineRunSchema`).

    Fix: return None for a run that is finished, before you ask the backend anything.
    """
    for phase, refresh in refreshed.phases.items():
        expected = {"forgotten": "completed"}.get(phase, phase)
        if expected not in ("completed", "failed"):
            continue
        called = refresh.told.run
        if called not in (None, expected) or refresh.status != expected:
            raised = refresh.refreshing_raised
            after = f", and ZenML raised {raised}" if raised else ""
            raise Violation(
                f"a run that is {phase} was called {called!r}; its record is {refresh.status!r}"
                f"{after}"
            )
    _check_seen(refreshed)
    if not refreshed.in_process:
        _ = refreshed.forgotten
