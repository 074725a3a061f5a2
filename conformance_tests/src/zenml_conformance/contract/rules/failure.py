"""Failure: execution modes and retries."""

from __future__ import annotations

import math

from zenml_conformance.context.evidence import Evidence
from zenml_conformance.contract.rule import (
    MUST,
    SHOULD,
    Capability,
    NotApplicable,
    NotSeen,
    Violation,
    rule,
)
from zenml_conformance.scenarios.fail_fast import FailFast, breach
from zenml_conformance.scenarios.failing import Failing
from zenml_conformance.scenarios.inspection import Inspection
from zenml_conformance.scenarios.killed import Killed
from zenml_conformance.scenarios.stop_on_failure import StopOnFailure


@rule("MODE-1", MUST)
def modes_are_what_they_say(
    inspection: Inspection, fail_fast: FailFast, stop_on_failure: StopOnFailure
) -> None:
    """Each execution mode that is declared is kept; any other is refused before submission.

    Why: ZenML trusts `supported_execution_modes` (`BaseOrchestrator._prepare_run`) and leaves
    the ending of running steps to the orchestrator. A mode that is declared and not kept goes on
    spending what the user wanted to save.

    Fix: FAIL_FAST: publish the run failed, then cancel what runs. STOP_ON_FAILURE: start nothing
    new, and let what runs end. Declare only what you do.
    """
    for seen in (fail_fast, stop_on_failure):
        mode = seen.scenario
        if mode not in inspection.modes:
            _refused(seen)
            continue
        problem = breach(
            mode,
            seen.run,
            started=seen.probe("sleeper") is not None,
            slept=seen.slept,
        )
        if problem:
            raise Violation(f"with {mode}, {problem}")
        if seen.probe("sleeper") is None and not seen.in_process:  # There, steps take turns.
            raise NotSeen(f"with {mode}, no other step was running when one failed")


def _refused(seen: Evidence) -> None:
    # A second submission is the suite's own: it looks whether the mode would be kept.
    forced = [submission.began for submission in seen.submissions[1:]]
    until = min(forced, default=math.inf)
    jobs = [record for record in seen.known_step_jobs if record.submitted_at < until]
    ran = [probe for probe in seen.probes if probe.began < until]
    if seen.submissions[0].raised is None or jobs or ran:
        raise Violation(
            f"{seen.scenario} is not declared, yet a pipeline that asks for it was submitted"
        )


@rule("RETRY-1", MUST)
def retries_have_one_owner(failing: Failing) -> None:
    """A step with `max_retries=n` is tried at most n+1 times, and its last record is final.

    Why: ZenML retries inside the step's process unless `handles_step_retries` is True; then the
    backend must start the same job again. With no owner the step stays `retrying` for ever, with
    two it is tried too often (`execution.step.utils.launch_step`, `SqlZenStore.create_run_step`).

    Fix: leave `handles_step_retries` False, unless your backend restarts the step's job. In a
    generated `backend.py`: have the system start each job once.
    """
    run = failing.run
    versions = [step for step in run.steps if step.name == "flaky"] if run else []
    statuses = [step.status for step in sorted(versions, key=lambda step: step.version)]
    if statuses != ["retried", "retried", "completed"]:
        raise Violation(
            "a step that fails twice and has two retries should be retried, retried, completed; "
            f"it is {', '.join(statuses) or 'never recorded'}"
        )


@rule("RETRY-2", SHOULD)
def the_backend_does_not_requeue(killed: Killed) -> None:
    """A step without retries is not started again when its job dies.

    Why: ZenML refuses the second record (`SqlZenStore.create_run_step`), the first stays
    `running`, and side effects happen twice. Slurm requeues and Kubernetes restarts by default.

    Fix: switch the backend's own restarts off (`--no-requeue`, `restartPolicy: Never`). In a
    generated `backend.py`: do so in `submit`.
    """
    if killed.in_process:
        raise NotApplicable("the steps run in the client: there is no job to start again")
    jobs = [record for record in killed.known_step_jobs if record.job.step == "victim"]
    ran = sum(probe.step == "victim" for probe in killed.probes)
    times = max(ran, sum(1 + record.restarts for record in jobs))
    if times > 1:
        raise Violation(f"a killed step without retries was started {times} times")
    if not ran:
        raise NotSeen("the step did not get far enough to be killed")
    _ = killed.jobs  # ZenML keeps a second start from getting as far as the step's code.


@rule(
    "RETRY-3",
    MUST,
    requires=("RETRY-1", "DEAD-1"),
    capability=Capability.STEP_RETRIES,
    since="0.2",
)
def killed_steps_are_retried(killed: Killed) -> None:
    """With `handles_step_retries`, a step that is killed is tried again as often as one that fails.

    Why: that is what the declaration is for. ZenML's own retries are a loop in the step's process
    (`execution.step.utils.launch_step`), which dies with it; an orchestrator that takes them over
    and makes another attempt only after an exception leaves the rest `retrying`, or gives up.

    Fix: when a step's job has ended and its record, published as failed, turns `retrying`, submit
    the job again, whatever ended the one before.
    """
    times = sum(probe.step == "retriable_victim" for probe in killed.probes)
    if times < 2:
        records = (
            [s.status for s in killed.run.steps if s.name == "retriable_victim"]
            if (killed.run)
            else []
        )
        raise Violation(
            f"a step with one retry that is killed ran {times} time(s); it is "
            f"{', '.join(records) or 'never recorded'}"
        )


@rule("MODE-4", MUST, requires=("DAG-2", "RETRY-1", "DAG-3"))
def other_branches_go_on(failing: Failing) -> None:
    """With CONTINUE_ON_FAILURE, independent branches complete and the run ends as failed.

    Why: it is ZenML's default mode. A run is over only when no step can run any more
    (`PipelineRunSchema`); until then it is failed and in progress at once.

    Fix: after a failure, go on starting every step whose own upstream is done.
    """
    run = failing.run
    if run is None:
        raise Violation("the run was never recorded")
    cut = [n for n in ("well", "after_well") if run.status_of(n) != "completed"]
    if cut:
        said = ", ".join(f"{name} {run.status_of(name)}" for name in cut)
        raise Violation(f"an independent branch did not complete: {said}")
    if run.status != "failed" or run.in_progress:
        raise Violation(f"the run ended as {run.status!r}, in progress: {run.in_progress}")
