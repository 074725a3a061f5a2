"""Topology: which steps run, how often, and in which order."""

from __future__ import annotations

from zenml_conformance.context.evidence import Evidence
from zenml_conformance.contract.rule import MUST, SHOULD, NotApplicable, NotSeen, Violation, rule
from zenml_conformance.scenarios.diamond import Diamond
from zenml_conformance.scenarios.failing import Failing
from zenml_conformance.scenarios.wide import SMALL, Wide


@rule("DAG-5", MUST, requires=("RUNID-1",))
def steps_go_by_invocation_id(diamond: Diamond) -> None:
    """Steps are told apart by their invocation ids, not by their functions' names.

    Why: one step function may be called several times in a pipeline. `--step_name` takes the
    keys of `snapshot.step_configurations` (`StepEntrypointConfiguration`), such as `train_2`;
    `step.config.name` would run the first call again and never the second.

    Fix: use the keys of `snapshot.step_configurations` for commands, job names and dependencies.
    """
    jobs = [record.job.step for record in diamond.known_step_jobs]
    wrong = [name for name in jobs if name not in diamond.call.steps]
    if wrong:
        raise Violation(f"jobs were submitted for unknown steps: {', '.join(map(str, wrong))}")
    if jobs.count("meet") > 1 and "meet_2" not in jobs:
        raise Violation("'meet' was submitted twice, and 'meet_2', the second call, never")
    words = [*diamond.logged, *(str(call.raised) for call in diamond.calls)]
    if any("EntityExistsError" in said and "`meet`" in said for said in words):
        raise Violation("'meet' was begun again instead of 'meet_2', the second call")
    run = diamond.run
    recorded = {step.name for step in run.steps} if run else set()
    # That the first call failed would explain it, too.
    if run and run.status_of("meet") == "completed" and "meet_2" not in {*recorded, *jobs}:
        raise Violation("of two calls of one step function, 'meet_2' was never recorded")
    if diamond.probe("meet") and not diamond.probe("meet_2") and "meet_2" in recorded:
        status = run.status_of("meet_2") if run else ""
        raise Violation(f"of two calls of one step function, 'meet_2' never ran, and is {status}")
    if not {"meet", "meet_2"} <= {*recorded, *jobs}:
        raise NotSeen("the two calls of one step function did not both come to be run")


@rule("DAG-1", MUST, requires=("RUNID-1", "DAG-5"))
def steps_wait_for_their_upstream(diamond: Diamond) -> None:
    """A step starts only after all the steps upstream of it have ended well.

    Why: inputs are looked up in ZenML's store when a step starts
    (`zenml.orchestrators.input_utils`); a step that starts early fails, and one that is only
    ordered (`after=`) silently works on what is not there yet.

    Fix: derive the order from `step.spec.upstream_steps`, every edge of it, also those that carry
    no data. In a generated `backend.py`: pass on all of `job.depends_on`.
    """
    _check_order(diamond)


def _check_order(seen: Evidence) -> None:
    """See that the steps of a scenario's first run were started in their order.

    Raises:
        Violation: If one was started too early.
        NotSeen: If one was never started.
    """
    jobs, unseen = seen.known_step_jobs, []
    for name, upstream in seen.call.steps.items():
        starts = [r.started_at for r in jobs if r.job.step == name and r.started_at]
        probe = seen.probe(name)
        starts += [probe.began] if probe else []
        for parent in upstream:
            if early := _recorded_too_early(seen, name, parent):
                raise Violation(early)
            if not starts:
                unseen.append(f"{name!r} after {parent!r}")
                continue
            before = seen.probe(parent)
            ended = before.ended if before else None
            if ended is None or min(starts) < ended:
                when = f"{ended - min(starts):.2f} s before" if ended else "but never"
                raise Violation(f"{name!r} started {when} {parent!r}, upstream of it, had ended")
    if unseen:
        raise NotSeen(f"these were never started, so their order was not seen: {', '.join(unseen)}")


def _recorded_too_early(seen: Evidence, name: str, parent: str) -> str | None:
    """Tell from ZenML's records that a step was begun before its parent had ended.

    The code of such a step may never have run: it fails when its input is looked up.
    """
    step, before = (seen.run.step(n) if seen.run else None for n in (name, parent))
    if step is None or step.started is None or step.status != "failed" or seen.probe(name):
        return None
    if before is None or before.ended is None or step.started < before.ended:
        return f"{name!r} was begun before {parent!r}, upstream of it, had ended, and failed"
    return None


@rule("DAG-2", MUST, requires=("DAG-1",))
def each_step_runs_once(diamond: Diamond) -> None:
    """Every step of the snapshot runs, and runs once.

    Why: a step that is left out leaves the run `running` for ever; one that is started twice
    dies on the record of the first (`EntityExistsError`), and its exit code fails a good run.

    Fix: submit one job for each key of the `snapshot` that `submit_pipeline` was given. In a
    generated `backend.py`: write `find`, so that a job whose submission was not answered is not
    submitted again.
    """
    _check_once(diamond)


SHOWN = 4
"""How many steps a message says the same of."""


def _check_once(seen: Evidence) -> None:
    """See that each step of a scenario's first run ran once, and that all of its runs completed.

    Raises:
        Violation: If not.
    """
    problems = []
    for name in seen.call.steps:
        status = seen.run.status_of(name) if seen.run else "never recorded"
        jobs = sum(record.job.step == name for record in seen.known_step_jobs)
        times = sum(probe.step == name for probe in seen.probes)
        if status != "completed" or times != 1 or jobs > 1:
            what = f"{name!r} is {status}, and its code ran {times} time(s)"
            what += f" in {jobs} job(s)" if jobs else ""
            error = seen.last_error(name)
            problems.append(what + (f", and its log ends with {error!r}" if error else ""))
    if problems:
        others = len(problems) - SHOWN
        more = [f"and so with {others} others"] if others > 0 else []
        raise Violation("; ".join(problems[:SHOWN] + more))
    for run in seen.runs:
        if run.status != "completed" or run.in_progress:
            raise Violation(f"every step completed, yet the run is {run.status!r}")


@rule("DAG-3", MUST)
def nothing_starts_after_a_failed_step(failing: Failing) -> None:
    """What comes after a failed step is not started.

    Why: it would look for an input that was never written, and bury the cause of the failure
    under its own error.

    Fix: start a step only when each step upstream has a successful record in ZenML's store. In a
    generated `backend.py`: heed `job.start_when`; if your system can only wait for an end,
    `core/after_ended.py` does the rest.
    """
    run = failing.run
    started = [
        r.job.name for r in failing.known_step_jobs if r.job.step == "after_boom" and r.started_at
    ]
    recorded = run.step("after_boom") if run else None
    if started or recorded:
        status = recorded.status if recorded else "not recorded"
        raise Violation(f"'boom' failed, and 'after_boom' was started all the same ({status})")
    if failing.probe("boom") is None:
        raise NotSeen("no step failed that others come after")


@rule("DAG-4", SHOULD)
def independent_steps_run_in_parallel(diamond: Diamond) -> None:
    """Steps that do not depend on each other run at the same time.

    Why: a pipeline with branches takes as long as its longest branch, or as all of them
    together. Users read a DAG as a promise of the first.

    Fix: submit every step whose upstream is done before waiting for any. An orchestrator that is
    sequential on purpose says so in its documentation. In a generated `backend.py`: don't let
    control jobs use up the slots of the steps.
    """
    if diamond.in_process:
        raise NotApplicable("the steps share the client's process, and take turns in it")
    alone = [probe.step for probe in diamond.probes if probe.met is False]
    if alone:
        raise Violation(
            f"two independent steps looked for each other and did not meet: {', '.join(alone)}"
        )
    if not any(probe.met for probe in diamond.probes):
        raise NotSeen("no step got as far as to look for one that runs at the same time")


@rule("DAG-6", MUST, since="0.3")
def a_wide_run_is_no_exception(wide: Wide) -> None:
    """A run of many steps keeps their order and runs each once, beside the runs of other clients.

    Why: what works with four steps fails with forty: ZenML's lists come in pages of 20
    (`zenml.constants.PAGE_SIZE_DEFAULT`), backends limit dependencies and names, and clients that
    submit at the same moment make the same names.

    Fix: read all pages (`zenml.utils.pagination_utils.depaginate`), take every edge of every step,
    and put something into each name that no other client can have.
    """
    raised = next((s.raised for s in wide.submissions if s.raised), None)
    because = f": a client raised {raised}" if raised else ""
    if len(wide.runs) < len(SMALL) + 1:
        raise Violation(f"{len(SMALL) + 1} clients gave {len(wide.runs)} runs{because}")
    try:
        _check_once(wide)
        _check_order(wide)
    except Violation as violation:
        raise Violation(f"{violation}{because}") from None
