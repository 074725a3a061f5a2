"""Identity: the orchestrator run id, which is how ZenML finds a run."""

from __future__ import annotations

from zenml_conformance.contract.rule import MUST, SHOULD, NotApplicable, NotSeen, Violation, rule
from zenml_conformance.scenarios.diamond import Diamond
from zenml_conformance.scenarios.fired_twice import FiredTwice
from zenml_conformance.scenarios.hostile_names import HostileNames
from zenml_conformance.scenarios.inspection import Inspection

MAX_LENGTH = 255


@rule("RUNID-4", MUST, requires=("SUB-1",))
def the_id_fits(diamond: Diamond, hostile_names: HostileNames) -> None:
    """The orchestrator run id is a text of 1 to 255 characters, not blank, whatever the names.

    Why: `PipelineRunRequest` refuses a longer one inside the step, before the step is recorded;
    `PipelineRunUpdate` stores it unchecked, and from then on every read of that run raises.

    Fix: use an id of bounded length, such as `str(placeholder_run.id)`, and put names into
    labels.
    """
    for seen in (diamond, hostile_names):
        told = [call.run_id_at_return for call in seen.calls]
        known = [*told, *(run.orchestrator_run_id for run in seen.runs)]
        ids = [run_id for run_id in known if run_id is not None]
        for run_id in ids:
            if not run_id.strip() or len(run_id) > MAX_LENGTH:
                raise Violation(f"the id {run_id[:40]!r}… has {len(run_id)} characters")
        if seen.refusal_of_the_id:
            raise Violation(f"ZenML refused the id: {seen.refusal_of_the_id}")
        if not ids:
            raise NotSeen(f"no run of the scenario {seen.scenario!r} ever had an id")


@rule("RUNID-1", MUST, requires=("SUB-1", "RUNID-4", "ENV-1", "APP-1"))
def one_id_for_all_steps(diamond: Diamond) -> None:
    """All steps of a run report the same orchestrator run id.

    Why: ZenML finds a step's run by snapshot and run id (`SqlZenStore.get_or_create_run`). A
    second id makes a second run; the steps don't find each other's outputs, and both runs stay
    `running` for ever.

    Fix: choose the id once, at submission, give it to every job in a variable, and read that
    variable in `get_orchestrator_run_id`.
    """
    if len(diamond.runs) > 1 and any(run.steps for run in diamond.runs):
        runs = "; ".join(
            f"{run.orchestrator_run_id!r} with {', '.join(s.name for s in run.steps) or 'no step'}"
            for run in diamond.runs
        )
        raise Violation(f"one submission made {len(diamond.runs)} runs: {runs}")
    if len({step.name for run in diamond.runs for step in run.steps}) < 2:
        raise NotSeen("no two steps were recorded that could have different ids")


@rule("RUNID-2", MUST)
def a_new_id_for_each_firing(fired_twice: FiredTwice) -> None:
    """Each firing of a snapshot has a run id of its own.

    Why: snapshot and run id together are unique (`PipelineRunSchema`). The steps of a second
    firing with the first one's id collide with the first one's records, and the new run stays
    `provisioning` for ever.

    Fix: make the id from the firing (`placeholder_run.id`, the backend's execution id), never
    from the snapshot, the pipeline's name or a constant.
    """
    ids = [run.orchestrator_run_id for run in fired_twice.runs]
    raised = fired_twice.submissions[0].raised
    if len(set(ids)) < 2 or raised or any(r.status != "completed" for r in fired_twice.runs):
        runs = ", ".join(f"{run.orchestrator_run_id!r} ({run.status})" for run in fired_twice.runs)
        after = f"; the client raised {raised}" if raised else ""
        raise Violation(f"two firings of one snapshot gave the runs {runs}{after}")


@rule("RUNID-5", MUST, requires=())
def no_id_outside_a_run(inspection: Inspection) -> None:
    """Outside a run, `get_orchestrator_run_id` raises; it never invents an id.

    Why: ZenML calls it in every step's process (`BaseOrchestrator.run_step`). When the variable
    that carries the id is lost, an invented id turns a clear error into a run for each step.

    Fix: raise a `RuntimeError` that names the missing variable. No `uuid4()` as a fallback.
    """
    outside = inspection.run_id_outside
    if outside.raised is None:
        raise Violation(f"in a process that belongs to no run, it returned {outside.gave}")


@rule("RUNID-6", SHOULD, requires=("RUNID-4",))
def the_id_is_known_before_the_first_step(diamond: Diamond) -> None:
    """The run id is in ZenML's store when `submit_pipeline` returns.

    Why: a run without it can't be stopped (`BaseOrchestrator.stop_run`) or found by
    `fetch_status`; until the first step starts, which may be hours in a queue, nobody can.

    Fix: write it to the placeholder at submission:
    `Client().zen_store.update_run(placeholder_run.id, PipelineRunUpdate(orchestrator_run_id=…))`.
    """
    call = diamond.returned_call
    if call.placeholder is None:
        raise NotApplicable("ZenML gave no placeholder run")
    if not call.run_id_at_return:
        raise Violation("after submit_pipeline had returned, the placeholder run had no run id")
