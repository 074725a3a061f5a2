"""Submission: what `submit_pipeline` takes, gives back, raises and leaves alone."""

from __future__ import annotations

from zenml_conformance.lab.evidence import Evidence
from zenml_conformance.rule import MUST, SHOULD, NotApplicable, NotSeen, Violation, rule


@rule("SUB-1", MUST, requires=())
def submission_is_understood(diamond: Evidence, inspection: Evidence) -> None:
    """`submit_pipeline` takes ZenML's keywords and returns None or a `SubmissionResult`.

    Why: `BaseOrchestrator.run` passes `snapshot`, `stack`, `base_environment`,
    `step_environments` and `placeholder_run` by name, and reads `metadata` and
    `wait_for_completion` of what comes back. Anything else raises after the backend has
    accepted the jobs: the run goes on while ZenML marks it failed.

    Fix: give `submit_pipeline` exactly those parameters and return
    `SubmissionResult(wait_for_completion=…, metadata=…)` or None.
    """
    if "submit_pipeline" not in inspection.facts["overridden"]:
        raise Violation(
            "submit_pipeline is not overridden: ZenML falls back to the deprecated "
            "prepare_or_run_pipeline, and an orchestrator that has neither 'succeeds' while "
            "nothing runs"
        )
    if not diamond.calls:
        raised = diamond.submissions[0].raised
        raise Violation(
            "submit_pipeline was never called"
            + (f": the client raised {raised.type}: {raised.message}" if raised else "")
        )
    call, submission = diamond.calls[0], diamond.submissions[0]
    if call.raised and diamond.refusal_of_the_id:
        return  # The call is well; that the id is not is for RUNID-4 to say.
    if call.raised:
        raise Violation(f"submit_pipeline raised {call.raised.type}: {call.raised.message}")
    known = ("builtins.NoneType", "zenml.orchestrators.base_orchestrator.SubmissionResult")
    if call.returned not in known:
        after = f", and ZenML raised {submission.raised.message!r}" if submission.raised else ""
        raise Violation(f"submit_pipeline returned a {call.returned}{after}")


@rule("SUB-2", MUST, requires=("SUB-1",), needs_jobs=True)
def refusal_reaches_the_caller(rejected: Evidence) -> None:
    """When the backend refuses a submission, the exception reaches the caller.

    Why: ZenML marks a run failed only when submission raises
    (`zenml.execution.pipeline.utils.submit_pipeline`). A swallowed refusal leaves the run
    `provisioning` for ever, with nothing behind it.

    Fix: let the backend client's exception propagate from `submit_pipeline`, or raise your own
    from it. Never log and return.
    """
    if not rejected.refused:
        raise NotSeen("the backend was asked for nothing that it could refuse")
    run = rejected.run
    status = run.status if run else "not recorded"
    if rejected.submissions[0].raised is None:
        raise Violation(
            f"the backend refused {len(rejected.refused)} job(s), yet the client's call returned "
            f"normally; the run is {status!r}"
        )
    if status != "failed":
        raise Violation(f"the client's call raised, but the run is {status!r}, not 'failed'")


@rule("SUB-4", MUST, requires=("SUB-2",), needs_jobs=True)
def half_a_submission_is_rolled_back(rejected_midway: Evidence) -> None:
    """When a job of a run can't be submitted, those before it are cancelled, and the run fails.

    Why: where the client submits all jobs, ZenML marks the run failed and forgets it
    (`zenml.execution.pipeline.utils.submit_pipeline`). Jobs left in the backend's queue start
    all the same, write into a finished run, or wait for ever. Where a coordinator submits them,
    nobody marks anything: the run stays `provisioning` or `running`.

    Fix: collect the ids while you submit; on any exception cancel them, then re-raise. In a
    coordinator publish the failure, too: of the step and of the run.
    """
    seen = rejected_midway
    if not seen.refused:
        raise NotApplicable("a run is one job, so there is no half of it")
    left = [r.job.name for r in seen.jobs if r.id in seen.facts["left"]]
    if left:
        raise Violation(
            f"the second submission was refused, and {len(left)} job(s) of the run stayed in the "
            f"backend: {', '.join(left)}"
        )
    if any(call.raised for call in seen.calls):
        return  # ZenML marks the run; that it does is for SUB-2 to say.
    if seen.run is None or seen.run.status != "failed" or seen.run.in_progress:
        status = f"{seen.run.status!r}" if seen.run else "not recorded"
        still = ", and in progress" if seen.run and seen.run.in_progress else ""
        raise Violation(
            "submit_pipeline had returned when the next submission was refused, and the run is "
            f"{status}{still}"
        )


@rule("SUB-5", SHOULD)
def submission_does_not_wait(diamond: Evidence) -> None:
    """`submit_pipeline` returns before the steps have run; waiting is for `wait_for_completion`.

    Why: ZenML publishes `provisioning`, the metadata and the handle for a stop only after
    `submit_pipeline` has returned (`BaseOrchestrator.run`); a client that is interrupted inside
    it marks a healthy run failed.

    Fix: return as soon as the jobs are accepted, and put the waiting into
    `SubmissionResult(wait_for_completion=…)`.
    """
    if diamond.in_process:
        raise NotApplicable("the steps run in the client: submitting is running")
    ended = diamond.calls[0].steps_ended_at_return
    if ended:
        raise Violation(
            f"when submit_pipeline returned, these steps had already ended: {', '.join(ended)}"
        )


@rule("SUB-6", MUST)
def waiting_comes_to_an_end(failing: Evidence, killed: Evidence) -> None:
    """Waiting for a run ends when the run ends, also when it failed or a job was killed.

    Why: a client that waits for success alone hangs for ever. One that raises from
    `wait_for_completion` says "monitoring broke": ZenML re-raises it as such and leaves the run
    untouched (`RunMonitoringError`), so it is no way to report a failed step.

    Fix: wait for the end of the jobs, whatever it is, and return. Whether the run failed is in
    ZenML's store.
    """
    for seen, what in ((failing, "a failing step"), (killed, "a killed step")):
        submission = seen.submissions[0]
        if submission.overdue:
            raise Violation(f"with {what}, the client still waited when every job had ended")
        returned = (
            submission.calls
            and submission.calls[0].returned_at
            and not (submission.calls[0].raised)
        )
        if returned and submission.raised:
            raise Violation(
                f"with {what}, submit_pipeline returned well, and wait_for_completion raised "
                f"{submission.raised.type}: {submission.raised.message}"
            )


@rule("SUB-8", SHOULD, requires=("SUB-1",))
def the_caller_is_left_alone(diamond: Evidence) -> None:
    """Submission leaves the caller's process as it was: environment, directory, arguments.

    Why: one client submits many runs, and ZenML hands out the same orchestrator instance again
    (`zenml.stack.stack.Stack.from_model`). What one submission leaves in `os.environ` or in the
    snapshot turns up in the next.

    Fix: copy dictionaries before you change them; pass variables to the job, never through
    `os.environ`.
    """
    changed = sorted({name for call in diamond.calls for name in call.changed})
    if changed:
        raise Violation(f"submit_pipeline changed {', '.join(changed)}")


@rule("CONC-1", MUST)
def two_runs_at_once(together: Evidence) -> None:
    """Two runs submitted at once from one client do not mix.

    Why: both threads get the same orchestrator instance (`zenml.stack.stack.Stack.from_model`
    caches it). A run id, a client or a file name kept on `self` belongs to whoever wrote last.

    Fix: keep nothing about a run on `self`; pass it along, or put it into the job's environment.
    """
    raised = together.submissions[0].raised
    problems = [f"a client thread raised {raised.type}: {raised.message}"] if raised else []
    problems += [
        f"run of {run.pipeline!r} is {run.status!r} with "
        + ", ".join(f"{name} {run.status_of(name)}" for name in ("source", "sink"))
        for run in together.runs
        if any(run.status_of(name) != "completed" for name in ("source", "sink"))
    ]
    if len(together.runs) != 2:
        problems.append(f"{len(together.runs)} runs were recorded")
    if problems:
        raise Violation("of two pipelines submitted at once: " + "; ".join(problems))
