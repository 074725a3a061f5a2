"""Submission: what `submit_pipeline` takes, gives back, raises and leaves alone."""

from __future__ import annotations

from zenml_conformance.contract.rule import MUST, SHOULD, NotApplicable, NotSeen, Violation, rule
from zenml_conformance.scenarios.client_killed import ClientKilled
from zenml_conformance.scenarios.diamond import Diamond
from zenml_conformance.scenarios.failing import Failing
from zenml_conformance.scenarios.inspection import Inspection
from zenml_conformance.scenarios.killed import Killed
from zenml_conformance.scenarios.rejected import Rejected
from zenml_conformance.scenarios.rejected_midway import RejectedMidway
from zenml_conformance.scenarios.together import Together


@rule("SUB-1", MUST, requires=())
def submission_is_understood(diamond: Diamond, inspection: Inspection) -> None:
    """Submission takes ZenML's keywords and returns what ZenML can read.

    Why: `BaseOrchestrator.run` passes `snapshot`, `stack`, `base_environment`,
    `step_environments` and `placeholder_run` by name, and reads `metadata` and
    `wait_for_completion` of what comes back. Anything else raises after the backend has
    accepted the jobs: the run goes on while ZenML marks it failed.

    Fix: give `submit_pipeline` exactly those parameters and return
    `SubmissionResult(wait_for_completion=…, metadata=…)` or None.
    """
    is_deprecated = inspection.deprecated
    if "submit_pipeline" not in inspection.overridden and not is_deprecated:
        raise Violation(
            "submit_pipeline is not overridden: ZenML falls back to the deprecated "
            "prepare_or_run_pipeline, and an orchestrator that has neither 'succeeds' while "
            "nothing runs"
        )
    method = "prepare_or_run_pipeline" if is_deprecated else "submit_pipeline"
    if not diamond.calls:
        raised = diamond.submissions[0].raised
        raise Violation(
            f"{method} was never called" + (f": the client raised {raised}" if raised else "")
        )
    call, submission = diamond.calls[0], diamond.submissions[0]
    if call.raised and diamond.refusal_of_the_id:
        return  # The call is well; that the id is not is for RUNID-4 to say.
    if call.raised:
        raise Violation(f"{method} raised {call.raised}")
    if is_deprecated:
        return  # What it gives back is read while it runs.
    known = ("builtins.NoneType", "zenml.orchestrators.base_orchestrator.SubmissionResult")
    if call.returned not in known:
        after = f", and ZenML raised {submission.raised.message!r}" if submission.raised else ""
        raise Violation(f"submit_pipeline returned a {call.returned}{after}")


@rule("SUB-2", MUST, requires=("SUB-1",), needs_jobs=True)
def refusal_reaches_the_caller(rejected: Rejected) -> None:
    """When the backend refuses a submission, the exception reaches the caller.

    Why: ZenML marks a run failed only when submission raises
    (`zenml.execution.pipeline.utils.submit_pipeline`). A swallowed refusal leaves the run
    `provisioning` for ever, with nothing behind it.

    Fix: let the backend client's exception propagate from `submit_pipeline`, or raise your own from
    it. Never log and return. In a generated `backend.py`: have `submit` raise, and never return the
    id of a job that was not taken.
    """
    if not rejected.refused:
        raise NotSeen("the backend was asked for nothing that it could refuse")
    run = rejected.run
    status = run.status if run else "not recorded"
    submission = rejected.submissions[0]
    if submission.raised is None:
        what = (
            "client had to be killed" if submission.overdue else "client's call returned normally"
        )
        raise Violation(
            f"the backend refused {len(rejected.refused)} job(s), yet the {what}; the run is "
            f"{status!r}"
        )
    if status != "failed":
        raise Violation(f"the client's call raised, but the run is {status!r}, not 'failed'")


@rule("SUB-4", MUST, requires=("SUB-2",), needs_jobs=True)
def half_a_submission_is_rolled_back(rejected_midway: RejectedMidway) -> None:
    """When a job of a run can't be submitted, those before it are cancelled, and the run fails.

    Why: where the client submits all jobs, ZenML marks the run failed and forgets it
    (`zenml.execution.pipeline.utils.submit_pipeline`). Jobs left in the backend's queue start
    all the same, write into a finished run, or wait for ever. Where a coordinator submits them,
    nobody marks anything: the run stays `provisioning` or `running`.

    Fix: collect the ids while you submit; on any exception cancel them, then re-raise. In a
    coordinator publish the failure, too: of the step and of the run.
    """
    seen = rejected_midway
    if not (seen.refused or seen.jobs):
        raise NotSeen("the backend was asked for nothing that it could refuse")
    if not seen.refused:
        raise NotApplicable("a run is one job, so there is no half of it")
    left = [r.job.name for r in seen.jobs if r.id in seen.left]
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
def submission_does_not_wait(diamond: Diamond) -> None:
    """`submit_pipeline` returns before the steps have run; waiting is for `wait_for_completion`.

    Why: ZenML publishes `provisioning`, the metadata and the handle for a stop only after
    `submit_pipeline` has returned (`BaseOrchestrator.run`); a client that is interrupted inside
    it marks a healthy run failed.

    Fix: return as soon as the jobs are accepted, and put the waiting into
    `SubmissionResult(wait_for_completion=…)`. In a generated `backend.py`: don't let `submit` wait
    for the job.
    """
    if diamond.in_process:
        raise NotApplicable("the steps run in the client: submitting is running")
    if diamond.call.deprecated:
        raise NotApplicable("prepare_or_run_pipeline has no other place to wait in")
    ended = diamond.returned_call.steps_ended_at_return
    if ended is None:
        raise NotSeen("ZenML gave no placeholder run to look at when submission returned")
    if ended:
        raise Violation(
            f"when submit_pipeline returned, these steps had already ended: {', '.join(ended)}"
        )


@rule("SUB-6", MUST)
def waiting_comes_to_an_end(failing: Failing, killed: Killed) -> None:
    """Waiting for a run ends when the run ends, also when it failed or a job was killed.

    Why: a client that waits for success alone hangs for ever. One that raises from
    `wait_for_completion` says "monitoring broke": ZenML re-raises it as such and leaves the run
    untouched (`RunMonitoringError`), so it is no way to report a failed step.

    Fix: wait for the end of the jobs, whatever it is, and return. Whether the run failed is in
    ZenML's store. In a generated `backend.py`: have `status` call every end an end, whatever the
    system calls it.
    """
    for seen, steps, what in (
        (failing, {"boom"}, "a failing step"),
        (killed, {"victim", "retriable_victim"}, "a killed step"),
    ):
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
                f"{submission.raised}"
            )
        if not any(probe.step in steps for probe in seen.probes):
            raise NotSeen(f"there was no run with {what} whose end could be waited for")


@rule("SUB-8", SHOULD, requires=("SUB-1",))
def the_caller_is_left_alone(diamond: Diamond) -> None:
    """Submission leaves the caller's process as it was: environment, directory, arguments.

    Why: one client submits many runs, and ZenML hands out the same orchestrator instance again
    (`zenml.stack.stack.Stack.from_model`). What one submission leaves in `os.environ` or in the
    snapshot turns up in the next.

    Fix: copy dictionaries before you change them; pass variables to the job, never through
    `os.environ`. In a generated `backend.py`: give `job.environment` to the job alone, not to the
    process that submits it.
    """
    _ = diamond.returned_call  # What it has changed is looked at when it is over.
    changed = sorted({name for call in diamond.calls for name in call.changed})
    if changed:
        raise Violation(f"submit_pipeline changed {', '.join(changed)}")


@rule("CONC-1", MUST)
def two_runs_at_once(together: Together) -> None:
    """Two runs submitted at once from one client do not mix.

    Why: both threads get the same orchestrator instance (`zenml.stack.stack.Stack.from_model`
    caches it). A run id, a client or a file name kept on `self` is that of the last to write it.

    Fix: keep nothing about a run on `self`; pass it along, or put it into the job's environment. In
    a generated `backend.py`: the same for the `self` of the backend.
    """
    raised = together.submissions[0].raised
    problems = [f"a client thread raised {raised}"] if raised else []
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


@rule("SUB-9", SHOULD, requires=("SUB-1",), since="0.2")
def submission_is_up_to_date(inspection: Inspection) -> None:
    """It implements `submit_pipeline`, and not the deprecated `prepare_or_run_pipeline`.

    Why: ZenML warns at every run that it will give the old method up
    (`BaseOrchestrator.run`). Until then it passes it one environment for all steps, so what a
    step sets for itself is not there when its process starts; and it has to wait inside.

    Fix: 1. Rename it to `submit_pipeline(self, snapshot, stack, base_environment,
    step_environments, placeholder_run=None)`; what was called `deployment` is `snapshot`.
    2. Start each step's job with `step_environments[invocation_id]`, and jobs that run no step
    with `base_environment`. 3. Return `SubmissionResult(metadata={…})` instead of yielding.
    4. Move what waits for the end into a function, and pass it as `wait_for_completion=…`.
    """
    if inspection.deprecated:
        raise Violation(
            "it implements prepare_or_run_pipeline, which ZenML calls only because "
            "submit_pipeline is not overridden. To move: rename it to submit_pipeline, take "
            "snapshot, stack, base_environment, step_environments and placeholder_run, give each "
            "step's job its own of the step_environments, and return a SubmissionResult with the "
            "metadata and with what waits"
        )


@rule("SUB-10", MUST, requires=("DAG-2", "SUB-5"), since="0.2")
def the_run_goes_on_without_its_client(client_killed: ClientKilled, diamond: Diamond) -> None:
    """Once submission has returned, the run goes on without the client.

    Why: what `submit_pipeline` returns from is submitted, for ZenML (`provisioning`) and for the
    user, who closes the laptop. Steps that only the client would have started never come, and
    the run stays `running`.

    Fix: give the backend the whole run before you return: jobs with dependencies, or a job that
    submits the others. Use threads and `wait_for_completion` for watching, never for submitting. In
    a generated `backend.py`: start jobs so that they outlive the process that submits them.
    """
    if diamond.in_process:
        raise NotApplicable("the steps run in the client, and die with it")
    if not client_killed.submitted:
        raise NotSeen("submission had not returned when a step was running")
    run = client_killed.run
    if run is None or run.status != "completed" or run.in_progress:
        status = run.in_words if run else "not recorded"
        raise Violation(
            f"the client was killed after submission had returned; {client_killed.at_the_end}, the "
            f"run was {status}"
        )


@rule("SUB-11", SHOULD, since="0.3")
def who_says_that_it_waits_waits(diamond: Diamond) -> None:
    """An orchestrator whose configuration says `is_synchronous` has the client wait for the run.

    Why: scripts and CI jobs go on with the outputs of a run when the call of the pipeline returns,
    and take its return for success (`BaseOrchestratorConfig.is_synchronous`).

    Fix: give `SubmissionResult` a `wait_for_completion` that returns when the run has ended, or let
    `is_synchronous` say what the settings say.
    """
    if not diamond.is_synchronous:
        raise NotApplicable("its configuration says that it is not synchronous")
    if diamond.outlived_client:
        raise Violation("is_synchronous is True, and the client ended while the run was under way")
