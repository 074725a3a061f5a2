"""Dynamic pipelines: one job runs the pipeline's code, and may die, end badly or be run again."""

from __future__ import annotations

import functools

from zenml_conformance.context.evidence import Evidence, RunRecord
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
from zenml_conformance.contract.rules.dead_steps import ended_run
from zenml_conformance.contract.rules.environment import changes, check_nothing_lost
from zenml_conformance.scenarios.dynamic import Dynamic
from zenml_conformance.scenarios.dynamic_killed import DynamicKilled
from zenml_conformance.scenarios.dynamic_rejected import OWN_CPU, OWN_MEMORY, DynamicRejected
from zenml_conformance.scenarios.dynamic_restarted import DynamicRestarted
from zenml_conformance.scenarios.dynamic_resumed import DynamicResumed
from zenml_conformance.scenarios.shared.dynamic import Entry

dynamic_rule = functools.partial(
    rule, profile=Profile.DYNAMIC, capability=Capability.DYNAMIC, since="0.2"
)

RUN_FAILED_EXIT_CODE = 45
"""`zenml.constants.DYNAMIC_PIPELINE_RUN_FAILED_EXIT_CODE`."""

OWN_BYTES = 700 * 1024**2
"""What the pipeline of the scenario `dynamic_rejected` asks for, as `OWN_MEMORY` says."""

INLINE = ("source", "sink", "sink_2", "taken")
"""The steps of the scenario `dynamic` that the pipeline's own process runs."""


def only_run(seen: Evidence) -> RunRecord:
    """Give the one run that there must be.

    Args:
        seen: The evidence.

    Returns:
        The run.

    Raises:
        Violation: If there is none, or more than one.
    """
    if not seen.runs:
        raise Violation("no run was recorded")
    if len(seen.runs) > 1:
        runs = ", ".join(f"{run.orchestrator_run_id!r} ({run.status})" for run in seen.runs)
        raise Violation(f"there is one run too many: {runs}")
    return seen.runs[0]


@dynamic_rule("DYN-9", MUST, requires=(), needs_jobs=True)
def a_refused_pipeline_is_an_error(dynamic_rejected: DynamicRejected) -> None:
    """When the backend refuses the orchestration job, `submit_dynamic_pipeline` raises.

    Why: ZenML publishes the run as failed only if an exception reaches
    `zenml.execution.pipeline.utils.submit_pipeline`. Otherwise the user is told that the run was
    submitted, and it stays `provisioning` for ever.

    Fix: let the backend's exception propagate. In a generated `backend.py`: have `submit` raise.
    """
    if not dynamic_rejected.refused:
        raise NotSeen("nothing was submitted that could be refused")
    raised = dynamic_rejected.submissions[0].raised
    run = only_run(dynamic_rejected)
    if raised is None or run.status != "failed":
        words = f"the client raised {raised.type}" if raised else "nothing was raised"
        raise Violation(f"the backend refused the job; {words}, and the run is {run.status!r}")


@dynamic_rule("DYN-7", MUST, requires=("DYN-9",))
def the_orchestration_job_has_its_environment(dynamic: Dynamic) -> None:
    """The process that runs the pipeline's code is started with all of `environment`.

    Why: it holds the address and credentials of ZenML's store and the active stack. Without them
    the process opens an empty store of its own (`zenml.config.global_config`), and finds no
    snapshot there.

    Fix: pass the whole `environment` of `submit_dynamic_pipeline` to the job, and only add to it.
    In a generated `backend.py`: pass on all of `job.environment`, of control jobs too.
    """
    expected = next((call.environment for call in dynamic.calls if call.environment), None)
    if expected is None:
        raise NotSeen("submit_dynamic_pipeline was never called")
    jobs = dynamic.orchestration_jobs if dynamic.simulated else []
    begun = [job.job.environment for job in jobs] or [e.environment for e in dynamic.entries]
    actual = begun[0] if begun else None
    if actual is None:
        raise NotSeen("the pipeline's code was never begun")
    check_nothing_lost(expected, actual)
    changed = changes(expected, actual)
    if changed and jobs:
        raise Violation(f"these variables have other values than before: {', '.join(changed)}")


@dynamic_rule("DYN-1", MUST, requires=("DYN-7",))
def a_dynamic_pipeline_completes(dynamic: Dynamic) -> None:
    """A dynamic pipeline runs to its end, in the run that ZenML has made for it.

    Why: `DynamicPipelineRunner` goes on with the run that it is given (`--run_id`), or looks for
    one with the orchestrator's run id. If it finds none it makes another; the user's run stays
    `provisioning`, and all that is seen of it is nothing.

    Fix: run `DynamicPipelineEntrypointConfiguration` with `run_id=placeholder_run.id`, and give
    the job the run id in a variable.
    """
    submission, run = dynamic.submissions[0], only_run(dynamic)
    missing = [name for name in INLINE if run.status_of(name) != "completed"]
    if missing or run.step("not_taken"):
        raised = submission.raised
        words = f"; the client raised {raised}" if raised else ""
        raise Violation(f"the run is {run.in_words}{words}")
    isolated = [step for step in run.steps if step.name not in INLINE]
    complete = all(step.status == "completed" for step in isolated)
    if complete and (run.status != "completed" or submission.overdue):
        waits = ", and the client still waited" if submission.overdue else ""
        raise Violation(f"all steps are completed and the run is {run.status!r}{waits}")
    if not run.orchestrator_run_id:
        raise Violation("the run has no orchestrator run id")


@dynamic_rule("DYN-8", SHOULD, requires=("DYN-1",))
def the_id_of_a_dynamic_run_is_known_at_once(dynamic: Dynamic) -> None:
    """The run id of a dynamic run is known before its code begins.

    Why: until then `zenml pipeline runs stop` refuses (`BaseOrchestrator.stop_run`), and a
    refresh can't tell which job is meant. A busy backend may queue the job for hours.

    Fix: choose the id at submission and publish it on the placeholder
    (`zen_store.update_run(placeholder_run.id, PipelineRunUpdate(orchestrator_run_id=…))`).
    """
    call = dynamic.returned_call
    if call.steps_ended_at_return or dynamic.in_process:
        raise NotApplicable("the pipeline's code runs inside submit_dynamic_pipeline")
    run = only_run(dynamic)
    if call.placeholder is None:
        raise NotSeen("ZenML gave no placeholder run")
    if call.run_id_at_return != run.orchestrator_run_id:
        raise Violation(
            f"when submit_dynamic_pipeline returned, the run's id was {call.run_id_at_return!r}; "
            f"later it was {run.orchestrator_run_id!r}"
        )


@dynamic_rule("DYN-11", SHOULD, requires=("DYN-1",))
def secrets_of_dynamic_runs_stay_private(dynamic: Dynamic) -> None:
    """No secret of a dynamic run is in a command line, a name, a label, a log or a public file.

    Why: ZenML's API token is in the environment of the orchestration job and of every isolated
    step. Command lines show in `ps` and in the scheduler's listings to every user.

    Fix: pass variables as the job's environment, or in a file with mode 0600; never as arguments.
    In a generated `backend.py`: the same as for ENV-4.
    """
    if dynamic.exposures:
        found = "; ".join(map(str, dynamic.exposures))
        raise Violation(f"a token was found in: {found}")
    if not dynamic.in_process and not dynamic.jobs:
        raise NotSeen("no job was submitted that could show it")
    probe = dynamic.probe("source")
    if probe is None or "CONFORMANCE_TOKEN" not in probe.environment_at_run:
        raise NotSeen("no process had a token that it could have shown")


@dynamic_rule("DYN-4", SHOULD, requires=("DYN-9",), needs_jobs=True)
def the_pipelines_resources_are_for_its_code(dynamic_rejected: DynamicRejected) -> None:
    """What a dynamic pipeline asks for itself is given to the job that runs its code.

    Why: inline steps run in that process (`zenml.execution.pipeline.dynamic.compilation.
    get_step_runtime`). Without the memory that the user asked for it is killed, and with it the
    whole run.

    Fix: map `snapshot.pipeline_configuration.resource_settings`, as you do for steps; for what the
    backend can't do, log a warning. In a generated `backend.py`: pass on the resources of control
    jobs, too.
    """
    if not dynamic_rejected.refused:
        raise NotSeen("nothing was submitted that could be looked at")
    job = dynamic_rejected.refused[0]
    if dynamic_rejected.logged:
        raise NotApplicable("it warns about what it can't map")
    if (job.cpu or 0) < OWN_CPU or (job.memory or 0) < OWN_BYTES:
        raise Violation(
            f"the pipeline asked for cpu_count={OWN_CPU} and memory={OWN_MEMORY!r}; its job has "
            f"cpu={job.cpu} and memory={job.memory}"
        )


@dynamic_rule("DYN-2", MUST, requires=("DYN-1",))
def a_failing_pipeline_fails_once(dynamic_resumed: DynamicResumed) -> None:
    """When a dynamic pipeline fails, its run is failed, and its code is not run again.

    Why: `DynamicPipelineEntrypointConfiguration` has published the end of the run when it exits
    with code 45. A backend that starts the job again for it starts a run that is over, and a
    client that waits for the job waits for nothing.

    Fix: make 45 (`DYNAMIC_PIPELINE_RUN_FAILED_EXIT_CODE`) a final exit code where the backend
    restarts jobs; never submit again after a failure. In a generated `backend.py`: have the system
    start each job once.
    """
    if not dynamic_resumed.entries_before:
        raise NotSeen("the pipeline's code was never begun")
    runs = dynamic_resumed.after_failure
    if len(runs) != 1 or runs[0].status != "failed" or runs[0].in_progress:
        words = ", ".join(run.in_words for run in runs) or "no run"
        raise Violation(f"the pipeline's code raised, and there is: {words}")
    jobs = dynamic_resumed.orchestration_jobs if dynamic_resumed.simulated else []
    if any(record.restarts for record in jobs):
        raise Violation(
            f"the job that runs the pipeline's code ended with code {RUN_FAILED_EXIT_CODE}, and "
            "the backend was asked to start it again"
        )
    begun = dynamic_resumed.entries_before
    submitted = dynamic_resumed.jobs_before if dynamic_resumed.simulated else 0
    if begun > 1 or submitted > 1:
        raise Violation(f"the pipeline's code was begun {begun} times, in {submitted} jobs")


@dynamic_rule("DYN-5", MUST, requires=("DYN-2",))
def a_failed_run_can_go_on(dynamic_resumed: DynamicResumed) -> None:
    """`zenml pipeline runs retry` goes on with a failed run: same run, same id, nothing twice.

    Why: it calls `submit_dynamic_pipeline` again, with the existing run in the place of a
    placeholder (`BaseOrchestrator.resume_run`). An orchestrator that gives it a new id makes a
    second run, and the first stays `resuming` for ever; one that takes it for a new run raises
    when it publishes the id.

    Fix: when `placeholder_run.orchestrator_run_id` is set, keep it, and pass `--run_id`. Name the
    job so that it does not collide with the first one's. ZenML ignores the metadata that you
    return: publish the new job's id yourself.
    """
    if len(dynamic_resumed.submissions) < 2:
        raise NotSeen("the failed run was not known to the client")
    again = dynamic_resumed.submissions[1]
    if raised := next((call.raised for call in again.calls if call.raised), again.raised):
        raise Violation(f"going on with the failed run raised {raised}")
    run = only_run(dynamic_resumed)
    before = dynamic_resumed.after_failure[0]
    if run.orchestrator_run_id != before.orchestrator_run_id:
        raise Violation(
            f"its id was {before.orchestrator_run_id!r} and is {run.orchestrator_run_id!r}"
        )
    ran = sum(probe.step == "source" for probe in dynamic_resumed.probes)
    if run.status != "completed" or ran != 1:
        raise Violation(f"the run is {run.in_words}, and its first step ran {ran} time(s)")


@dynamic_rule("DYN-10", MUST, requires=("DYN-2",), needs_jobs=True)
def no_name_is_used_again(dynamic_resumed: DynamicResumed) -> None:
    """The jobs of one dynamic run have different names: when it goes on, and for each attempt.

    Why: a run that goes on (`BaseOrchestrator.resume_run`) submits a second orchestration job,
    and ZenML submits an isolated step again for each retry. Schedulers refuse a second job of
    the same name, or answer questions about the first.

    Fix: put something into the name that differs between submissions: the step run's id for
    isolated steps, a counter or a random part for the orchestration job. In a generated
    `backend.py`: use `job.name`; if it has to be shortened, keep its end.
    """
    names = [record.job.name for record in dynamic_resumed.jobs]
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        raise Violation(f"{names.count(double[0])} jobs of one run are called {double[0]!r}")
    if len(names) < 2:
        raise NotSeen("the run had no two jobs")


@dynamic_rule("DYN-3", MUST, requires=("DYN-1",))
def a_dead_orchestration_job_is_noticed(dynamic_killed: DynamicKilled) -> None:
    """When the process that runs the pipeline's code dies, the run ends, or a refresh ends it.

    Why: the status of a dynamic run is what some process publishes (`PipelineRunSchema.update`); it
    does not follow from the steps. Nobody but the dead process would have.

    Fix: start the job again where the backend can; and in `fetch_status`, when it has ended and
    the run has not, publish the unfinished steps as failed and report FAILED.
    """
    if not dynamic_killed.step_ran:
        raise NotSeen("the pipeline's code did not get far enough to be killed")
    if not dynamic_killed.in_process and not dynamic_killed.killed:
        raise NotSeen("the suite can't reach the process that runs the pipeline's code")
    run = ended_run(dynamic_killed)
    if run.status not in ("failed", "stopped"):
        raise Violation(f"the pipeline's code was killed, and the run ended as {run.status!r}")
    if run.status_of("sleeper") not in ("failed", "stopped"):
        raise Violation(
            f"the run ended as {run.status!r}, and the inline step that died with it is still "
            f"{run.status_of('sleeper')}"
        )


def _restarted(seen: DynamicRestarted) -> None:
    if seen.in_process:
        raise NotApplicable("the pipeline's code runs in the client, and nobody restarts that")
    if not seen.restarted:
        raise NotSeen("the suite can't run the pipeline's code again")


@dynamic_rule("RUNID-3", MUST, requires=("DYN-1",))
def the_id_survives_a_restart(dynamic_restarted: DynamicRestarted) -> None:
    """When the backend runs the orchestration job again, `get_orchestrator_run_id` is the same.

    Why: without a placeholder (a schedule's firing) the runner finds its run by this id alone
    (`DynamicPipelineRunner._prepare_run`). Another id is another run: what was done is done
    again, and the first run stays `running`.

    Fix: read the id from a variable of the job, or from the backend's name of the job; never
    make it when the process starts, and never use the name of a pod or host.
    """
    _restarted(dynamic_restarted)
    ids = [_id_in(entry) for entry in dynamic_restarted.entries]
    if len(ids) < 2:
        raise NotSeen("the pipeline's code was not begun again")
    if len(set(ids)) > 1:
        raise Violation(f"the first process had the id {ids[0]!r}, the second {ids[1]!r}")


def _id_in(entry: Entry) -> str | None:
    if entry.raised:
        raise Violation(f"in the process of the pipeline's code, it raised {entry.raised}")
    return entry.id


@dynamic_rule("DYN-6", MUST, requires=("DYN-1",))
def a_restart_goes_on(dynamic_restarted: DynamicRestarted) -> None:
    """When the backend runs the orchestration job again, the run goes on where it was.

    Why: the runner reads the steps of its run and goes on (`DynamicPipelineRunner.launch_step`):
    what is completed is not run again, and isolated steps that are running are watched again
    through `get_isolated_step_status`. That needs the same run, and an orchestrator that knows
    jobs that another process has submitted.

    Fix: keep nothing in memory that is needed later: pass `--run_id`, read the run id from the
    job's environment, and find the job of an isolated step from its `step_run` alone.
    """
    _restarted(dynamic_restarted)
    run = only_run(dynamic_restarted)
    ran = {
        name: sum(probe.step == name for probe in dynamic_restarted.probes)
        for name in ("source", "sleeper", "sink")
    }
    again = [name for name, times in ran.items() if times > 1]
    if again:
        raise Violation(f"after the restart, these steps were run again: {', '.join(again)}")
    if run.status != "completed":
        raise Violation(f"after the restart, the run ended as {run.in_words}")
    if len(dynamic_restarted.entries) < 2:
        raise NotSeen("the pipeline's code was not begun again")
