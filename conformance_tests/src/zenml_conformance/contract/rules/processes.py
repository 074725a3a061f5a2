"""Processes: what a step's process is. A step may rely on all that a new interpreter gives it."""

from __future__ import annotations

from itertools import combinations

from zenml_conformance.context.evidence import RunRecord
from zenml_conformance.contract.rule import (
    MUST,
    SHOULD,
    NotApplicable,
    NotSeen,
    Profile,
    Violation,
    rule,
)
from zenml_conformance.scenarios.step_process import LEFT, StepProcess

NO_LIMIT = -1

IN_CLIENT = "the steps run in the client's process, which the user has started"
"""Why most of it can't be the orchestrator's doing."""


def _run_of(seen: StepProcess, pipeline: str) -> RunRecord:
    """Give the run of one of the scenario's pipelines.

    Raises:
        NotSeen: If there is none.
    """
    runs = [run for run in seen.runs if run.pipeline == pipeline]
    if not runs:
        raise NotSeen(f"pipeline {pipeline!r} has no run")
    return runs[0]


@rule("PROC-1", MUST, profile=Profile.PROCESSES, needs_own_backend=True, since="0.3")
def steps_draw_numbers_of_their_own(step_process: StepProcess) -> None:
    """No two steps draw the same numbers from a random generator that they have not seeded.

    Why: a process that is forked has the generators of the one that it was forked from, with
    their state (`numpy.random` is not seeded again by a fork, `random` is). Steps that sample,
    shuffle or initialise weights then do the same thing, and nothing fails.

    Fix: fork before anything of the user's world is imported, or start a new interpreter.
    """
    reports = step_process.reports.values()
    if len(reports) < 2:
        raise NotSeen("no two steps drew a number")
    for one, other in combinations(reports, 2):
        for source, number in one.draws.items():
            if other.draws.get(source) == number:
                raise Violation(f"{one.step!r} and {other.step!r} both drew {number} from {source}")


@rule("PROC-2", MUST, profile=Profile.PROCESSES, needs_own_backend=True, since="0.3")
def variables_are_there_before_imports(step_process: StepProcess) -> None:
    """The variables that a step sets have been read by the interpreter and by every library.

    Why: Python reads some when it starts, and libraries read theirs when they are imported. In a
    process that has imported them before, a variable is set and does nothing:
    `ZENML_LOGGING_VERBOSITY` (`zenml.constants`), `PYTHONHASHSEED`, `OMP_NUM_THREADS`.

    Fix: start a new interpreter for each step, or at least for those that set a variable that may
    have been read already.
    """
    if step_process.in_process:
        raise NotApplicable(IN_CLIENT)
    if step_process.call.deprecated:
        raise NotApplicable("ZenML passes prepare_or_run_pipeline one environment for all steps")
    for report in step_process.reports.values():
        if report.imported_by != report.pid:
            raise Violation(f"the module of {report.step!r} had been imported by another process")
    for variable, usual in step_process.usual_effects.items():
        if (effect := step_process.effects[variable]) != usual:
            raise Violation(
                f"a step sets {variable}, which in a new interpreter gives {usual}, and has "
                f"given {effect}"
            )


@rule("PROC-3", MUST, profile=Profile.PROCESSES, needs_own_backend=True, since="0.3")
def what_a_step_leaves_is_done(step_process: StepProcess) -> None:
    """What a step leaves to its process is done: threads end, exit hooks run, pools are closed.

    Why: an interpreter waits for its threads, then runs what was registered with `atexit`.
    Libraries rely on it to send what they have collected, and to end the processes of a pool
    (`concurrent.futures.process`). Without it that is lost, or the process never ends.

    Fix: let the step's process end by itself. Where it is forked, end it as an interpreter ends:
    join the threads that are no daemons, run the exit hooks, flush the streams.
    """
    run = _run_of(step_process, "ordinary")
    if run.status_of("leaver") == "completed" and run.in_progress:
        raise Violation("a step left a pool of processes open, and its run did not end")
    if lost := [what for what in LEFT if what not in step_process.left]:
        raise Violation(f"a step's process has ended without: {', '.join(lost)}")


@rule("PROC-4", MUST, profile=Profile.PROCESSES, needs_own_backend=True, since="0.3")
def an_end_without_a_report_is_a_failure(step_process: StepProcess) -> None:
    """A step whose process ends with 0, and has not reported, ends as failed, and so does its run.

    Why: `os._exit(0)` and `os.execv` in a step leave no word in ZenML's store. Taken for a
    success, they start steps that lack their inputs; not noticed, they leave the step `running`.

    Fix: after each job ask the store: a step that is not final there has failed, whatever the exit
    code.
    """
    if step_process.in_process:
        raise NotApplicable("the steps run in the client's process, which would end with them")
    if not step_process.quit:
        raise NotSeen("no step got so far as to end its process")
    run = _run_of(step_process, "quitting")
    for step in step_process.quit:
        if (status := run.status_of(step)) not in ("failed", "stopped"):
            raise Violation(f"a step's process ended with 0 and without a report: it is {status}")
    if run.status != "failed":
        raise Violation(f"a step ended without a report, and its run is {run.status!r}")


@rule("PROC-5", MUST, profile=Profile.PROCESSES, needs_own_backend=True, since="0.3")
def steps_start_processes(step_process: StepProcess) -> None:
    """A step can start processes, and learns how they ended.

    Why: data loaders and `n_jobs` start processes. Where SIGCHLD is ignored, every exit status is
    lost; a daemon of `multiprocessing` may have no children at all.

    Fix: restore SIGCHLD before the step starts; don't run steps in daemons of `multiprocessing`.
    """
    for way, ended in step_process.children.items():
        if ended != "7":
            raise Violation(f"a process that a step started with {way} ended with 7; seen: {ended}")


@rule("PROC-6", SHOULD, profile=Profile.PROCESSES, needs_own_backend=True, since="0.3")
def signals_are_as_usual(step_process: StepProcess) -> None:
    """Signals have their defaults when a step's process comes to the step, and none is blocked.

    Why: what is ignored or blocked stays so in every process that the step starts: it can't be
    stopped, or never learns that its children have ended.

    Fix: restore them where you start the process: `restore_signals` and `preexec_fn` of
    `subprocess`, `setsigmask` and `setsigdef` of `os.posix_spawn`.
    """
    if step_process.in_process:
        raise NotApplicable(IN_CLIENT)
    for report in step_process.reports.values():
        if report.signals:
            raise Violation(f"in the process of {report.step!r}, {', '.join(report.signals)}")


@rule("PROC-7", SHOULD, profile=Profile.PROCESSES, needs_own_backend=True, since="0.3")
def no_stray_descriptors(step_process: StepProcess) -> None:
    """A step's process holds no pipe, local socket or lock of another process.

    Why: it keeps them open. A reader waits for the end of a pipe as long as any process that the
    step has left, and a lock is not given back; what is written to a socket by mistake reaches
    a stranger.

    Fix: close all but the standard streams where you start the process (`close_fds`), in a forked
    process too.
    """
    if step_process.in_process:
        raise NotApplicable(IN_CLIENT)
    for report in step_process.reports.values():
        if report.descriptors:
            raise Violation(f"the process of {report.step!r} has {', '.join(report.descriptors)}")


@rule("PROC-8", SHOULD, profile=Profile.PROCESSES, needs_own_backend=True, since="0.3")
def standard_streams_work(step_process: StepProcess) -> None:
    """Standard input is at its end, and the others take whatever a step prints.

    Why: a library that asks a question waits for ever where nobody answers. Progress bars print
    megabytes, programs print bytes that are no text, and a pipe that nobody empties blocks.

    Fix: connect standard input to `/dev/null`, and the others to a file, or to something that
    reads bytes as long as the step lives.
    """
    if step_process.in_process:
        raise NotApplicable(IN_CLIENT)
    run = _run_of(step_process, "ordinary")
    if (status := run.status_of("busy")) != "completed":
        raise Violation(f"a step printed 50 MB, some of it no text, and is {status}")
    raised = next((s.raised for s in step_process.submissions if s.label == "ordinary"), None)
    if raised and all(step.status == "completed" for step in run.steps):
        words = "printed 50 MB, some of it no text, and no step has failed"
        raise Violation(f"a step {words}; the client raised {raised}")
    if step_process.standard_input != "its end":
        raise Violation(f"reading standard input gives {step_process.standard_input}")


@rule("PROC-9", SHOULD, profile=Profile.PROCESSES, needs_own_backend=True, since="0.3")
def surroundings_are_those_of_the_client(step_process: StepProcess) -> None:
    """On the client's machine, a step has its umask, its limits or higher ones, and a directory.

    Why: files get other permissions than the same code gives them elsewhere; a lower limit of open
    files or of memory fails a step in a way that can't be seen again by hand.

    Fix: change neither where you start the process. Limits that the backend sets on purpose belong
    into the settings.
    """
    client = step_process.around_client
    near = [r for r in step_process.reports.values() if r.surroundings.machine == client.machine]
    if not near:
        raise NotApplicable("the steps run on other machines or in containers than the client")
    for report in near:
        mine = report.surroundings
        if mine.umask != client.umask:
            raise Violation(
                f"the umask of {report.step!r} is {mine.umask:03o}, the client's {client.umask:03o}"
            )
        if not mine.directory.startswith("/"):
            raise Violation(f"{report.step!r} has no working directory: {mine.directory}")
        for limit, value in client.limits.items():
            own = mine.limits[limit]
            if own != NO_LIMIT and (value == NO_LIMIT or own < value):
                raise Violation(f"{limit} of {report.step!r} is {own}, the client's {value}")
