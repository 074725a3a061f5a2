"""Dead steps: ends that nobody reports but the orchestrator.

ZenML has no process that looks for dead static steps. What is not reconciled stays `running`.
"""

from __future__ import annotations

from zenml_conformance.context.evidence import Evidence, RunRecord
from zenml_conformance.contract.rule import MUST, SHOULD, NotApplicable, NotSeen, Violation, rule
from zenml_conformance.scenarios.coordinator_killed import CoordinatorKilled
from zenml_conformance.scenarios.job_lost import JobLost
from zenml_conformance.scenarios.killed import Killed
from zenml_conformance.scenarios.never_started import NeverStarted
from zenml_conformance.scenarios.published_then_died import PublishedThenDied
from zenml_conformance.scenarios.unreliable_backend import UnreliableBackend


def ended_run(seen: Evidence) -> RunRecord:
    """Give a run that has ended, by itself or after one refresh.

    Args:
        seen: The evidence.

    Returns:
        The run.

    Raises:
        Violation: If it has not ended.
    """
    run = seen.run
    if run is None:
        raise Violation("the run was never recorded")
    if run.in_progress:
        refresh = (
            f"refreshing it raised {seen.refresh}"
            if seen.refresh
            else "refreshing it changed nothing"
        )
        raise Violation(
            f"{seen.at_the_end}, the run was still in progress as {run.in_words}; {refresh}"
        )
    return run


@rule("DEAD-1", MUST)
def a_killed_step_ends(killed: Killed) -> None:
    """A step that is killed ends as failed, and its run ends.

    Why: a process killed by the kernel (out of memory), a preempted node or `kill -9` reports
    nothing. Step and run stay `running`, with or without retries configured.

    Fix: when a job has ended, look at the step's record: if it is not final, publish it failed
    (`publish_step_run_status_update`). A record that turns `retrying` needs its next attempts too.
    `fetch_status` may do it when nobody else is alive. In a generated `backend.py`: have `status`
    say FAILED, CANCELLED or UNKNOWN of a job that was killed.
    """
    if not killed.probes:
        raise NotSeen("no step got far enough to be killed")
    run = ended_run(killed)
    for name in ("victim", "retriable_victim"):
        if run.step(name) and run.status_of(name) not in ("failed", "stopped"):
            raise Violation(f"{name!r} was killed and is recorded as {run.status_of(name)}")
    if run.status not in ("failed", "stopped"):
        raise Violation(f"a step was killed, and the run ended as {run.status!r}")
    # In one process with the other, it dies with that one, whichever gets so far first.
    if killed.probe("victim") is None and not killed.in_process:
        raise NotSeen("the step without retries did not get far enough to be killed")


@rule("DEAD-2", MUST)
def a_step_that_never_starts_ends_the_run(never_started: NeverStarted) -> None:
    """A job that dies before ZenML has recorded its step ends the run as failed.

    Why: a missing image, a typo in a command or a broken interpreter ends the job before the
    step has a record. The run stays `provisioning`; in CONTINUE_ON_FAILURE even a run published
    as failed stays in progress, because its step could still come (`PipelineRunSchema`).

    Fix: create the failed step run yourself (`StepRunRequestFactory`, as ZenML's Kubernetes
    coordinator does), then publish the run failed. In a generated `backend.py`: have `status` say
    HELD of a job that the system keeps back, and start a job whose `start_when` is "ended" in
    whatever way those before it have ended.
    """
    clients = {submission.pid for submission in never_started.submissions}
    if any(probe.pid in clients for probe in never_started.probes):
        raise NotApplicable("the steps run in the client, which has started already")
    if never_started.probes:
        raise NotSeen("the suite could not keep the step's process from starting")
    if never_started.call.raised:
        raise NotSeen("submission itself raised, so there was no job that could die")
    run = ended_run(never_started)
    if run.status != "failed":
        raise Violation(f"its only step never started, and the run ended as {run.status!r}")


@rule("DEAD-3", MUST)
def a_dead_coordinator_is_survived(coordinator_killed: CoordinatorKilled) -> None:
    """When the process that walks the DAG dies, the run still ends, or a refresh ends it.

    Why: after the client or the coordinator is gone, nobody starts the next step and nobody
    reports. ZenML offers one way out: `zenml pipeline runs refresh` calls `fetch_status` on a
    fresh instance (`zenml.utils.run_utils.refresh_run_status`).

    Fix: store the jobs' ids as run metadata; in `fetch_status`, when none of them is alive any
    more, settle the steps and report FAILED. In a generated `backend.py`: have `status` work in any
    process, from the id alone.
    """
    if not coordinator_killed.step_ran:
        raise NotSeen("no step ran long enough for its coordinator to be killed")
    run = ended_run(coordinator_killed)
    by_itself = run.status == "completed" and not coordinator_killed.runs_before_refresh
    if by_itself and not coordinator_killed.simulated:
        raise NotSeen("only the client could be killed, and the run went on without it")


@rule("DEAD-4", MUST)
def a_step_that_dies_after_its_report_is_settled(published_then_died: PublishedThenDied) -> None:
    """When a step has reported success and its job fails, the run still ends, and truly.

    Why: a process may die in its teardown. If the exit code stops the steps after it, all that
    is recorded is completed, something is missing, and the run is `running` for ever.

    Fix: after each job ask the store: a step with a successful record is done, whatever the exit
    code. Or publish the run failed; only don't stop in silence.
    """
    if not published_then_died.died:
        raise NotSeen("the step's process could not be made to die after its report")
    run = ended_run(published_then_died)
    done = all(run.status_of(n) == "completed" for n in ("publisher", "after_publisher"))
    if run.status != ("completed" if done else "failed"):
        after = run.status_of("after_publisher")
        raise Violation(f"the step after it is {after}, and the run ended as {run.status!r}")


@rule("DEAD-8", MUST, needs_jobs=True, since="0.2")
def a_lost_job_ends(job_lost: JobLost) -> None:
    """A step whose job the backend has lost ends as failed, and its run ends.

    Why: nodes vanish, and databases of jobs are purged. A job that is unknown reports nothing
    any more, and waiting for a state that says "ended" is waiting for ever.

    Fix: take a job that the backend does not know for ended, and settle its step. (An error while
    asking is something else: it says nothing about the job.) In a generated `backend.py`: have
    `status` say UNKNOWN of it.
    """
    if not job_lost.step_ran:
        raise NotSeen("no step ran long enough for its job to be lost")
    if not any(record.lost for record in job_lost.jobs):
        raise NotSeen("there was no job of that step's own that could be lost")
    if any(submission.overdue for submission in job_lost.submissions):
        raise Violation("a running step's job was lost, and the client waited on and on")
    run = ended_run(job_lost)
    if run.status != "failed" or run.status_of("sleeper") not in ("failed", "stopped"):
        raise Violation(
            f"a running step's job was lost; the step is {run.status_of('sleeper')}, and the run "
            f"ended as {run.status!r}"
        )


@rule("DEAD-5", SHOULD, needs_jobs=True, since="0.2")
def a_backend_that_stumbles_is_survived(unreliable_backend: UnreliableBackend) -> None:
    """When the backend fails to answer a few times, the run goes on as if nothing had been.

    Why: every API has bad minutes. A monitor that dies of the first error leaves its run
    `running`, or ends a healthy one as failed; ZenML's own monitor of dynamic steps logs it and
    asks again (`DynamicPipelineRunner`).

    Fix: while you wait for jobs, catch the client's errors, pause, and ask again; give up only
    after many, in a row. An error says nothing about the job. In a generated `backend.py`: have
    `status` raise when the system can't be asked, and never guess.
    """
    seen = unreliable_backend
    if not seen.step_ran:
        raise NotSeen("no step ran long enough")
    submission, run = seen.submissions[0], seen.run
    if submission.raised or submission.overdue:
        raised = submission.raised
        what = f"raised {raised}" if raised else "waited on and on"
        raise Violation(f"after a few questions without an answer, the client {what}")
    if run is None or run.status != "completed" or run.in_progress:
        status = f"{run.status!r}, in progress: {run.in_progress}" if run else "not recorded"
        raise Violation(f"after a few questions without an answer, the run is {status}")
    if not seen.unanswered:
        raise NotSeen("the backend was asked nothing while it could not answer")


@rule("DEAD-6", SHOULD, requires=("DEAD-1",), since="0.2")
def a_death_has_a_reason(killed: Killed) -> None:
    """The record of a step that was killed says why it failed, as far as the backend knows.

    Why: a step that dies leaves no traceback. Without a reason, "failed" means reading the
    scheduler's books, if they are still there: out of memory, preempted, over time, or a typo?

    Fix: publish the failure with `exception_info=ExceptionInfo(traceback="", message=…)` that
    says what the backend says of the job: its exit code, its signal, its reason.
    """
    step = killed.run.step("victim") if killed.run else None
    if step is None:
        raise NotSeen("the killed step was never recorded")
    if not step.reason:
        raise Violation(f"the killed step is {step.status}, and its record gives no reason")
