"""Isolated steps of dynamic pipelines: jobs that ZenML's runner submits, asks about and stops."""

from __future__ import annotations

import functools
import itertools

from zenml_conformance.context.evidence import Answer
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
from zenml_conformance.contract.rules import resources
from zenml_conformance.contract.rules.environment import changes, check_nothing_lost
from zenml_conformance.scenarios.dynamic import ARGUMENTS, Dynamic
from zenml_conformance.scenarios.dynamic_resumed import DynamicResumed
from zenml_conformance.scenarios.isolated_fail_fast import IsolatedFailFast
from zenml_conformance.scenarios.isolated_lost import IsolatedLost
from zenml_conformance.scenarios.isolated_status import STATUS, IsolatedStatus
from zenml_conformance.scenarios.settings import Settings

isolated_rule = functools.partial(
    rule, profile=Profile.DYNAMIC, capability=Capability.ISOLATED_STEPS, since="0.2"
)

LIVE = {"initializing", "provisioning", "running"}
ENDED = {"completed", "failed", "stopped"}
DEAD = {"failed", "stopped"}

UNREPORTED = ("quitter", "hollow")
"""Steps whose jobs end well and report nothing: one runs first, one never runs."""

DEMANDING = ("half_cpu", "two_gpus", "memory_kb", "memory_tib")
"""Steps of the scenario `dynamic` that ask for something, as those of `resources` do."""


@isolated_rule("ISO-10", MUST, requires=("DYN-1",))
def isolated_steps_have_their_environment(dynamic: Dynamic) -> None:
    """An isolated step's process is started with all of its `environment`, verbatim.

    Why: the step's process finds ZenML's store, the active stack and the user's own variables
    there (`zenml.orchestrators.step_launcher`). ZenML sets the user's again when the step
    function runs, so a loss shows only at import time.

    Fix: hand the whole `environment` of `submit_isolated_step` to the job as data, and only add to
    it. In a generated `backend.py`: pass on all of `job.environment`.
    """
    expected = dynamic.submission_of("isolated").environment
    if probe := dynamic.probe("isolated"):
        actual = probe.environment_at_start
    else:
        actual = dynamic.job_of("isolated").job.environment
    check_nothing_lost(expected, actual)
    for difference in changes(expected, actual).values():
        raise Violation(f"it was {difference}")


@isolated_rule("ISO-1", MUST, requires=("ISO-10",))
def an_isolated_step_is_a_process_of_its_own(dynamic: Dynamic) -> None:
    """An isolated step runs once, in a process of its own, and its record is completed.

    Why: the user asked for isolation because the step needs another image, more memory or a GPU.
    Overriding `submit_isolated_step` makes ZenML send every such step there
    (`BaseOrchestrator.can_run_isolated_steps`, `get_step_runtime`).

    Fix: submit the command of `zenml.orchestrators.utils.get_step_entrypoint_command` with
    `StepOperatorEntrypointConfiguration` (or a subclass) and `step_run_id=…`.
    """
    note = dynamic.submission_of("isolated")
    if note.raised:
        raise Violation(f"submit_isolated_step raised {note.raised}")
    ran = [probe for probe in dynamic.probes if probe.step == "isolated"]
    run = dynamic.run
    status = run.status_of("isolated") if run else "never recorded"
    if len(ran) != 1 or status != "completed":
        raise Violation(f"the isolated step ran {len(ran)} time(s) and is {status}")
    entries = {(entry.pid, entry.pid_namespace) for entry in dynamic.entries}
    if (ran[0].pid, ran[0].pid_namespace) in entries:
        raise Violation("the isolated step ran in the process of the pipeline's own code")


@isolated_rule("ISO-11", SHOULD, requires=("ISO-1",))
def submitting_a_step_does_not_wait(dynamic: Dynamic) -> None:
    """`submit_isolated_step` returns when the job is submitted, not when it has ended.

    Why: until it returns the runner does not know of the job
    (`DynamicPipelineRunner._register_isolated_step_for_monitoring`): FAIL_FAST can't stop it,
    its failure is noticed last, and one of ten worker threads is taken.

    Fix: submit and return. ZenML waits with `get_isolated_step_status`. In a generated
    `backend.py`: don't let `submit` wait for the job.
    """
    note, probe = dynamic.submission_of("isolated"), dynamic.probe("isolated")
    if probe is None or probe.ended is None:
        raise NotSeen("the isolated step did not come to its end")
    if note.returned_at > probe.ended:
        raise Violation(
            f"submit_isolated_step returned after {note.returned_at - note.began:.1f} s, "
            "when the step was over"
        )


@isolated_rule("ISO-9", MUST, requires=("ISO-1",), needs_jobs=True)
def commands_run_verbatim(dynamic: Dynamic) -> None:
    """A command step's program is run as it is, and how it ends is how the step ends.

    Why: a `CommandStep` may run anything, and no code of ZenML's runs with it: words with
    spaces, quotes or `$` must arrive as they are, and nobody but the orchestrator can say how it
    ended (`StepLauncher._finalize_remote_step`).

    Fix: give the words of `get_step_entrypoint_command` to the backend as a list; where only a line
    will do, join them with `zenml.orchestrators.utils.shell_join`. For a step with
    `config.command`, report COMPLETED when the job ended with code 0. In a generated `backend.py`:
    the same for `job.command`; `shlex.join` joins it. Have `status` say SUCCEEDED only of a job
    that ended with code 0.
    """
    if not dynamic.commands:
        raise NotApplicable("this ZenML has no command steps")
    if (said := dynamic.said) is None:
        job = dynamic.job_of("verbatim")
        words = dynamic.last_words.get(job.id, "").strip().splitlines()
        raise Violation(f"the program was never run as it was meant: {words[-1:] or 'no output'}")
    for before, after in itertools.zip_longest(ARGUMENTS, said[: len(ARGUMENTS)]):
        if before != after:
            raise Violation(f"the program was given {before!r} and saw {after!r}")
    status = dynamic.run.status_of("verbatim") if dynamic.run else "never recorded"
    if status != "completed":
        raise Violation(f"the program ended well, and its step is {status}")


@isolated_rule("ISO-8", MUST, requires=("ISO-9",), needs_jobs=True)
def isolated_steps_get_what_they_ask_for(dynamic: Dynamic) -> None:
    """An isolated step's job gets the cpus, memory and gpus that the step asks for, exactly.

    Why: because the orchestrator can isolate steps, ZenML isolates every step that asks for
    resources (`get_step_runtime`), so that it gets them. If they are dropped here, isolating it
    was for nothing; a unit taken for another is off by 2 to 13 percent.

    Fix: map `step_run_info.config.resource_settings` with the same code as for static steps. In a
    generated `backend.py`: pass on `job.cpu`, `job.memory` and `job.gpus`.
    """
    if not dynamic.commands:
        raise NotSeen("this ZenML has no command steps, which show it")
    for step in DEMANDING:
        field, asked, _ = resources.ASKED[step]
        got = getattr(dynamic.job_of(step).job, field)
        if got is None:
            raise Violation(f"{step!r} asked for {asked}; its job has no {field}")
        resources.check_exactness(step, got)
    resources.check_no_gpu(dynamic.job_of("no_gpu").job)


@isolated_rule("ISO-12", MUST, requires=("ISO-1",), needs_jobs=True)
def isolated_steps_have_their_settings(dynamic: Dynamic, settings: Settings) -> None:
    """An isolated step's own settings reach its job.

    Why: `StackComponent.get_settings` gives the settings of what it is given. Called with the
    snapshot it gives the pipeline's for every step, and the step's own image or queue is ignored
    silently.

    Fix: call `self.get_settings(step_run_info)` in `submit_isolated_step`. In a generated
    `backend.py`: read `job.settings`, not `self.config`.
    """
    given = dynamic.settings
    if not given:
        raise NotApplicable("it has no settings that take a text or a whole number")
    own = dynamic.job_of("isolated").job.model_dump_json()
    jobs = [record.job for record in (*dynamic.jobs, *settings.jobs)]
    everything = " ".join(job.model_dump_json() for job in jobs)
    shown = 0
    for name, values in given.items():
        found = [level for level, value in values.items() if resources.says(own, value)]
        elsewhere = any(resources.says(everything, value) for value in values.values())
        shown += bool(found) or elsewhere
        if elsewhere and found != ["step"]:
            has = f"the {' and the '.join(found)}'s" if found else "none"
            raise Violation(
                f"setting {name!r} of the isolated step should be its own "
                f"({values['step']!r}); its job has {has}"
            )
    if not shown:
        raise NotSeen(f"none of the settings {', '.join(given)} shows in a job")


@isolated_rule("ISO-13", MUST, requires=("DYN-1", "ISO-1"), needs_jobs=True)
def retries_are_zenmls(dynamic_resumed: DynamicResumed) -> None:
    """A failed isolated step is tried again by ZenML, and by nobody else.

    Why: the runner submits a new job for each attempt (`DynamicPipelineRunner._monitoring_loop`).
    A backend that starts the old job again has it write over the record of the attempt that
    failed, while ZenML may have submitted the next: the step's code runs more often than the user
    allowed, and the records don't show it.

    Fix: submit isolated steps without restarts or requeues of the backend's own. In a generated
    `backend.py`: have the system start each job once.
    """
    jobs, run = dynamic_resumed.jobs_of("flaky_once"), dynamic_resumed.run
    if not jobs or run is None:
        raise NotSeen("no job was submitted for the isolated step that fails once")
    if restarts := sum(record.restarts for record in jobs):
        raise Violation(f"the backend started the failed job again {restarts} time(s)")
    ran = sum((p.step, p.run) == ("flaky_once", run.id) for p in dynamic_resumed.probes)
    if ran != 2 or run.status_of("flaky_once") != "completed":
        raise Violation(
            f"a step that fails once and may be retried once ran {ran} time(s), and is "
            f"{run.status_of('flaky_once')}"
        )


@isolated_rule("ISO-5", MUST, requires=("ISO-1",))
def a_step_is_known_anywhere(isolated_status: IsolatedStatus) -> None:
    """A fresh instance in another process knows an isolated step's job from `step_run` alone.

    Why: when the orchestration process is started again, the runner asks a new instance about
    the jobs of the old one (`DynamicPipelineRunner.launch_step`). What it takes for ended is
    published as failed while it runs; what raises is never noticed to end.

    Fix: write the job's id into the step run's metadata (`publish_step_run_metadata`) or make its
    name from `step_run.id`; read it again from the store, because the `step_run` that ZenML passes
    is older than the job. In a generated `backend.py`: have `status` and `cancel` work from the id
    alone.
    """
    live = isolated_status.live
    if live.raised:
        raise Violation(f"asking raised {live.raised}")
    # Where jobs are shown, some may have been ended by their orchestration process before.
    alive = [a for a in live.answers if live.states.get(a.step) in (None, "queued", "running")]
    if not alive:
        raise NotSeen("no isolated step was alive when it was asked about")
    for answer in alive:
        if answer.raised or answer.gave in ENDED:
            raise Violation(
                f"{answer.step!r} had not ended, and {STATUS} of a fresh instance {answer}"
            )
    for answer in _ended(isolated_status):
        if answer.step == "reporter" and answer.gave not in ENDED:
            raise Violation(f"'reporter' had ended, and {STATUS} {answer}")


def _ended(seen: IsolatedStatus) -> list[Answer]:
    """What was said of steps that had ended, for rules that look elsewhere too."""
    return seen.ended.answers if seen.shows("ended") else []


@isolated_rule("ISO-2", MUST, requires=("ISO-5",))
def a_status_is_one_that_zenml_knows_here(isolated_status: IsolatedStatus) -> None:
    """A step's status is INITIALIZING, PROVISIONING, RUNNING, COMPLETED, FAILED or STOPPED.

    Why: the runner goes on watching for the first three, and takes everything else for the end
    (`DynamicPipelineRunner._monitoring_loop`). QUEUED makes it clean up a job that has not
    started, and never look at it again: the run hangs.

    Fix: a job that waits in a queue is PROVISIONING. In a generated `backend.py`: have `status` say
    QUEUED of it.
    """
    told = [
        (answer.step, answer.gave)
        for answer in isolated_status.answers
        if answer.method == STATUS and not answer.raised
    ]
    if not told:
        raise NotSeen("no isolated step got far enough to be asked about")
    for step, word in [*isolated_status.told, *told]:
        if word not in LIVE | ENDED:
            raise Violation(f"{STATUS} gave {word!r} for {step!r}")


def _lost(seen: IsolatedLost, *steps: str) -> None:
    """Check that steps whose jobs are gone were recorded as failed, by the run itself."""
    run = seen.run
    if run is None:
        raise Violation("the run was never recorded")
    for step in steps:
        jobs = seen.states[step] if seen.simulated else []
        status = run.status_of(step)
        if run.step(step) and status not in DEAD:
            after = f" ({', '.join(jobs)})" if jobs else ""
            hangs = ", and the run hangs" if run.in_progress else ""
            raise Violation(f"the job of {step!r} is over{after}; its step is {status}{hangs}")


@isolated_rule("ISO-3", MUST, requires=("ISO-2",))
def completed_means_reported(isolated_status: IsolatedStatus, isolated_lost: IsolatedLost) -> None:
    """An isolated step whose job ends well without a report is failed, not completed.

    Why: for COMPLETED the runner publishes nothing, because the step is supposed to have done it
    (`DynamicPipelineRunner._monitoring_loop`). If it has not (an entrypoint that never ran, an
    `exit 0` too early), the step stays as it is and the run hangs for ever.

    Fix: when the job has ended with code 0, look at the step's record: COMPLETED if it is
    successful or a command step, else FAILED.
    """
    seen = False
    for answer in _ended(isolated_status):
        if answer.step in UNREPORTED:
            seen = True
            if answer.gave not in DEAD:
                raise Violation(
                    f"the job of {answer.step!r} ended well, its step is {answer.status}, and "
                    f"{STATUS} {answer}"
                )
    if not (seen or any(probe.step == "quitter" for probe in isolated_lost.probes)):
        raise NotSeen("no isolated step could be made to end without a report")
    _lost(isolated_lost, *UNREPORTED)


@isolated_rule("ISO-4", MUST, requires=("ISO-2",))
def what_is_gone_is_failed(isolated_status: IsolatedStatus, isolated_lost: IsolatedLost) -> None:
    """An isolated step whose job was killed, failed, or is unknown to the backend is failed.

    Why: the runner waits as long as it hears RUNNING, and as long as `get_isolated_step_status`
    raises, which it takes for "no answer just now" (`DynamicPipelineRunner._monitoring_loop`,
    `BaseOrchestrator.wait_for_isolated_step`). Backends forget jobs; then the run hangs for ever.

    Fix: report FAILED for a job that failed and for one that the backend does not know; raise only
    while the backend can't be reached. In a generated `backend.py`: have `status` say UNKNOWN of a
    job that the system does not know, and raise while it can't be asked.
    """
    for answer in _ended(isolated_status):
        gone = answer.step in ("bad_command", "killed_command", "forgotten_command")
        if gone and answer.gave not in DEAD:
            raise Violation(f"for {answer.step!r}, {STATUS} {answer}")
    if not any(probe.step == "victim" for probe in isolated_lost.probes):
        raise NotSeen("no isolated step ran that could be killed")
    _lost(isolated_lost, "victim", "forgotten")


@isolated_rule("ISO-6", SHOULD, requires=("ISO-5",), needs_jobs=True)
def cleaning_up_never_raises(isolated_status: IsolatedStatus) -> None:
    """`cleanup_isolated_step` works in every phase, and a second time.

    Why: ZenML calls it when a step is over, however it ended, also for jobs that never started
    or are forgotten (`DynamicPipelineRunner._cleanup_isolated_step`). What it raises is logged
    and dropped: job objects and secrets stay behind, and nobody is told.

    Fix: take "not found" for done. In a generated `backend.py`: have `cancel` do nothing to a job
    that is gone.
    """
    for answer in isolated_status.cleaned_up.answers:
        if answer.raised:
            raise Violation(f"cleaning up after {answer.step!r} {answer}")


@isolated_rule("ISO-7", MUST, requires=("ISO-5",), capability=Capability.STOP_ISOLATED_STEPS)
def isolated_steps_can_be_stopped(
    isolated_fail_fast: IsolatedFailFast, isolated_status: IsolatedStatus
) -> None:
    """`stop_isolated_step` ends a job, queued or running, and may be called again.

    Why: in FAIL_FAST the runner calls it for every other isolated step when one fails
    (`DynamicPipelineRunner._on_failure_detected`), and again for those that were just being
    submitted. Without it they run to their end, and the run with them.

    Fix: cancel the job; take "not found" and "has ended" for done. Stop isn't over when the backend
    has merely noted the wish: the job must end. In a generated `backend.py`: the same for `cancel`.
    """
    if not isolated_fail_fast.ran:
        raise NotSeen("no isolated step ran long enough to be stopped")
    if isolated_fail_fast.ended_by_itself:
        raise Violation("another step failed in FAIL_FAST, and the isolated step ran to its end")
    run = isolated_fail_fast.run
    if run is None or run.status != "failed" or run.status_of("sleeper") not in DEAD:
        status = f"{run.status!r}, its step {run.status_of('sleeper')}" if run else "unknown"
        raise Violation(f"after a failure in FAIL_FAST, the run is {status}")
    for answer in isolated_status.stopped.answers if isolated_status.simulated else ():
        if answer.raised:
            raise Violation(f"stopping {answer.step!r} {answer}")
    for answer in isolated_status.after_stop.answers if isolated_status.simulated else ():
        if answer.gave not in DEAD:
            raise Violation(f"{answer.step!r} was stopped, and {STATUS} {answer}")
