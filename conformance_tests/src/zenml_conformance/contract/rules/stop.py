"""Stop: runs that a user ends, from another process."""

from __future__ import annotations

import functools

from zenml_conformance.context.evidence import RunRecord
from zenml_conformance.contract.rule import (
    MUST,
    SHOULD,
    Capability,
    NotApplicable,
    NotSeen,
    Profile,
    Violation,
    rule,
)
from zenml_conformance.scenarios.inspection import Inspection
from zenml_conformance.scenarios.shared.stopping import NOT_STOPPED, StopEvidence
from zenml_conformance.scenarios.stopped import Stopped
from zenml_conformance.scenarios.stopped_dynamic import StoppedDynamic
from zenml_conformance.scenarios.stopped_early import StoppedEarly
from zenml_conformance.scenarios.stopped_gracefully import StoppedGracefully

stop_rule = functools.partial(
    rule, profile=Profile.OPERATIONS, capability=Capability.STOP, since="0.2"
)


def _stopped_run(seen: StopEvidence, pipeline: str = "stopped") -> RunRecord:
    """The run that was stopped."""
    if not seen.shows("stop"):
        raise NotSeen(NOT_STOPPED)
    run = next((run for run in seen.runs if run.pipeline == pipeline), None)
    if run is None:
        raise NotSeen("the run that was to be stopped is not recorded")
    return run


@stop_rule("STOP-1", MUST)
def a_stopped_run_ends(stopped: Stopped) -> None:
    """A forceful stop from another process ends all jobs, then all steps and the run.

    Why: ZenML publishes `stopping` and calls `_stop_run_forcefully` on a fresh instance
    (`zenml.utils.run_utils.stop_run`); all the rest is the orchestrator's. A step that is killed
    without a report stays `running`, its run `stopping`, and ZenML refuses to stop it again.

    Fix: find the jobs through the run's metadata, cancel them, wait for their ends, then publish
    STOPPED for each step that has no final status (`publish_step_run_status_update`). In a
    generated `backend.py`: have `cancel` end the job, and `status` say so when it has ended.
    """
    run = _stopped_run(stopped)
    if raised := stopped.stop.raised:
        raise Violation(f"the stop raised {raised}; the run is {run.status!r}")
    then = stopped.when_to_be_over
    if then.in_progress or then.status != "stopped":
        raise Violation(
            f"the stop had returned, and when the run should have ended it was {then.status!r}, "
            f"in progress: {then.in_progress} ({_words(then.steps)})"
        )
    _has_ended(stopped, run)


def _words(steps: dict[str, str]) -> str:
    return ", ".join(f"{name} {status}" for name, status in steps.items()) or "no step recorded"


def _has_ended(seen: StopEvidence, run: RunRecord) -> None:
    """See that a stopped run has no job, no open step and a final status."""
    if raised := seen.stop.raised:
        raise Violation(f"the stop raised {raised}; the run is {run.status!r}")
    if seen.simulated and (left := seen.left_running):
        raise Violation(f"after the stop, jobs went on: {', '.join(left)}")
    if seen.outlived:
        raise Violation(f"after the stop, steps went on: {', '.join(seen.outlived)}")
    has_open_steps = any(step.status in ("running", "stopping") for step in run.steps)
    if run.status != "stopped" or run.in_progress or has_open_steps:
        raise Violation(
            f"the run was stopped and is {run.in_words}, in progress: {run.in_progress}"
        )


@stop_rule("STOP-2", MUST, requires=("STOP-1",))
def steps_are_told_before_they_are_killed(stopped: Stopped) -> None:
    """A stopped step's Python process gets SIGTERM, and time to clean up.

    Why: ZenML's signal handler turns SIGTERM into the step's own end: it publishes `stopped`, and
    the step's `finally` blocks run (`zenml.orchestrators.signal_handler`). SIGKILL, or a shell
    that keeps the signal to itself, leaves files, licences and child processes behind.

    Fix: send SIGTERM first and SIGKILL some seconds later; start Python without a shell around it,
    or with `exec`. In a generated `backend.py`: the same for `cancel` and `submit`;
    `core/after_ended.py` helps where the system sends another signal.
    """
    _stopped_run(stopped)
    if not stopped.interrupted:
        raise Violation("the step that was running when it was stopped could not clean up")


@stop_rule("STOP-4", MUST, requires=("STOP-1",), needs_jobs=True)
def nothing_starts_after_a_stop(stopped: Stopped, stopped_early: StoppedEarly) -> None:
    """Jobs that are queued or starting are cancelled too; none starts after the stop.

    Why: a queue may hold a job for hours. When it starts at last, ZenML refuses its step, or the
    job writes into a run that all others take for ended.

    Fix: cancel every job of the run, whatever its state; end the coordinator before the jobs that
    it submits, and look for late ones when it is gone. In a generated `backend.py`: have `cancel`
    take a job that waits out of the queue.
    """
    run = _stopped_run(stopped)
    late = [s.name for s in run.steps if s.name in ("queued", "after_stoppable")]
    started = [
        record.job.step for record in (*stopped.step_jobs, *stopped_early.step_jobs)
        if record.job.step in ("queued", "after_stoppable") and record.pid is not None
    ]  # fmt: skip
    if raised := stopped_early.stop.raised:
        raise Violation(f"stopping a run whose jobs were all queued raised {raised}")
    if late or started:
        raise Violation(f"after the stop, these started: {', '.join(map(str, {*late, *started}))}")
    if not stopped_early.jobs:
        raise NotSeen("no job was queued when a run was stopped")
    for seen in (stopped, stopped_early):
        if left := seen.left_queued:
            raise Violation(f"after the stop, jobs stayed in the queue: {', '.join(left)}")
    early = stopped_early.run
    if early is None or early.in_progress or early.status != "stopped" or early.steps:
        steps = ", ".join(s.name for s in early.steps) if early else ""
        raise Violation(
            "a run was stopped before any of its jobs had started, and ended as "
            f"{early.status if early else 'nothing'!r} with steps: {steps or 'none'}"
        )


@stop_rule("STOP-5", SHOULD, capability=None)
def what_cannot_be_stopped_says_so(stopped: Stopped, inspection: Inspection) -> None:
    """An orchestrator that can't stop runs refuses before the run is marked.

    Why: `BaseOrchestrator.stop_run` publishes `stopping` before it asks whether the orchestrator
    can; `_stop_run_forcefully` then raises, the run stays `stopping`, and every further attempt
    is refused ("already being stopped").

    Fix: implement `_stop_run_forcefully`; or override `stop_run` and raise there, saying how
    the run can be ended otherwise.
    """
    if Capability.STOP.value in inspection.capabilities:
        can = "_stop_run_forcefully" in inspection.overridden
        if can or not stopped.stop.raised:
            raise NotApplicable("it can stop runs")
    _stopped_run(stopped)
    after, raised = stopped.after_stop.status, stopped.stop.raised
    if raised is None:
        raise Violation(f"a stop that is not implemented raised nothing; the run is {after!r}")
    if after == "stopping":
        raise Violation(f"the stop raised {raised}, and the run was left {after!r}")


@stop_rule("STOP-6", MUST, requires=("STOP-1",))
def only_this_run_is_stopped_and_once_is_enough(stopped: Stopped) -> None:
    """A stop ends the jobs of its own run and no others, and may be repeated.

    Why: people press the button twice, and clean-up jobs stop what is stopped already. A stop
    that goes by the pipeline's or the user's name ends other people's work.

    Fix: cancel by job id, or by a label that only this run has; take "already gone" for done. In a
    generated `backend.py`: have `cancel` end that one job, and do nothing to one that is gone.
    """
    _stopped_run(stopped)
    if raised := stopped.stop_again.raised:
        raise Violation(f"stopping a stopped run again raised {raised}")
    if not stopped.bystander_ran:
        raise NotSeen("no other run was under way")
    other = next((run for run in stopped.runs if run.pipeline == "bystander"), None)
    if other is None or other.status != "completed":
        raise Violation(
            f"another run was under way, and is {other.status if other else 'not recorded'!r}"
        )


@stop_rule("STOP-7", SHOULD, requires=("STAT-4",), capability=None)
def a_graceful_stop_starts_nothing_new(stopped_gracefully: StoppedGracefully) -> None:
    """After a graceful stop nothing new starts, and the run ends as stopped.

    Why: ZenML's own graceful stop reaches steps through their heartbeat and a server
    (`zenml.steps.heartbeat`); jobs that are queued, and what submits more, hear nothing of it.

    Fix: in `_stop_run_gracefully` cancel what has not started, and let what runs end. In a
    generated `backend.py`: have `status` say QUEUED of a job that has not started.
    """
    run, raised = _stopped_run(stopped_gracefully), stopped_gracefully.stop.raised
    if raised:
        raise Violation(f"the graceful stop raised {raised}")
    # Where steps take turns, one that has nothing to wait for may have had its turn before.
    begun = stopped_gracefully.stopping.steps
    waiting = {"queued", "after_stoppable"} - begun.keys()
    late = [step.name for step in run.steps if step.name in waiting]
    late += [
        str(r.job.step)
        for r in stopped_gracefully.known_step_jobs
        if r.job.step in waiting and r.pid
    ]
    if late:
        raise Violation(f"after a graceful stop, these steps were started: {', '.join(late)}")
    if stopped_gracefully.simulated and stopped_gracefully.overdue_jobs:
        raise Violation("after a graceful stop, jobs stayed in the backend")
    if run.status != "stopped" or run.in_progress:
        raise Violation(
            f"the run was stopped gracefully and is {run.status!r}, in progress: {run.in_progress}"
        )


@stop_rule("STOP-8", MUST, requires=("DYN-1",), capability=Capability.DYNAMIC)
def a_stopped_dynamic_run_ends(stopped_dynamic: StoppedDynamic, inspection: Inspection) -> None:
    """A forceful stop of a dynamic run ends its orchestration job and its isolated steps.

    Why: a dynamic run's status is taken as it is reported (`PipelineRunSchema.update`): when
    the process of the pipeline's code is dead, no step's end turns `stopping` into `stopped`. Jobs
    of isolated steps outlive it.

    Fix: cancel the orchestration job and every isolated step's job, publish STOPPED for steps
    without a final status, then for the run (`publish_pipeline_run_status_update`). In a generated
    `backend.py`: have `cancel` end the job, and `status` say so when it has ended.
    """
    if Capability.STOP.value not in inspection.capabilities:
        raise NotApplicable(f"it does not declare {Capability.STOP.value}")
    run = _stopped_run(stopped_dynamic, "stopped_dynamic")
    _has_ended(stopped_dynamic, run)
    if run.step("after_inline"):
        raise Violation("after the stop, the next step was started")
