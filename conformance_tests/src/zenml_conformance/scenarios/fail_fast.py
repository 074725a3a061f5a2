"""The execution mode FAIL_FAST, and what it has in common with STOP_ON_FAILURE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml_conformance.context.evidence import Evidence, RunRecord, Submission, UnderClaim, unseen
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.decorators import pipeline
from zenml_conformance.scenarios.shared.steps import boom, sink, sleeper

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext


class Mode(Evidence):
    """What is left of a run with an execution mode."""

    slept: bool = unseen("no pipeline was run in this mode")
    """Whether that step ended by itself."""


class FailFast(Mode):
    """What is left of the scenario."""


@pipeline(enable_cache=False)
def modes(probes: str, seconds: float) -> None:
    """A failing step, a long one beside it, and a step after the long one."""
    boom(probes)
    sink(probes, sleeper(probes, seconds), id="after_sleeper")


@scenario(FailFast)
def run(context: ScenarioContext, seen: FailFast) -> None:
    """A step fails beside a long one; the rest must be ended."""
    play_mode(context, seen, "fail_fast", seconds=8.0)


def play_mode(context: ScenarioContext, seen: Mode, mode: str, seconds: float) -> None:
    """Run a pipeline with an execution mode, and again with force if it is refused.

    Args:
        context: The scenario's bench.
        seen: Its evidence.
        mode: The mode.
        seconds: How long the step runs that is beside the failing one.
    """
    submission = _submit(context, mode, mode, seconds)
    seen.slept = context.marked("slept")
    if context.backend and submission.raised and not context.jobs:
        _force(context, seen, mode, seconds)


def _submit(context: ScenarioContext, label: str, mode: str, seconds: float) -> Submission:
    return context.submit(
        label, modes, parameters={"seconds": seconds}, options={"execution_mode": mode}
    )


def _force(context: ScenarioContext, seen: Mode, mode: str, seconds: float) -> None:
    """The mode was refused: see whether it would be kept all the same."""
    from zenml_conformance.context import zenml_store

    context.force_modes()
    submission = _submit(context, f"{mode}-forced", mode, seconds)
    run = next((run for run in zenml_store.records() if run.id == submission.run), None)
    slept = context.marked("slept")
    if breach(mode, run, started=context.marked("running"), slept=slept) is None:
        detail = f"{mode} is not in supported_execution_modes, and was kept when it was forced"
        seen.under_claims = [UnderClaim(capability=f"execution mode {mode}", detail=detail)]


def breach(mode: str, run: RunRecord | None, *, started: bool, slept: bool) -> str | None:
    """Say how a run did not keep its mode.

    Args:
        mode: `fail_fast` or `stop_on_failure`.
        run: Its record, when all is over.
        started: Whether the step that runs beside the failing one has begun.
        slept: Whether that step ended by itself.

    Returns:
        What was wrong; None: the mode was kept.
    """
    if run is None or run.status_of("boom") != "failed":
        return "the failing step was not recorded as failed"
    if run.step("after_sleeper"):
        return "a step was started after another had failed"
    if mode == "fail_fast" and slept:
        return "a step that was running when another failed ran to its end"
    if mode == "stop_on_failure" and started and not slept:
        return "a step that was running when another failed was ended"
    unfinished = [s.name for s in run.steps if s.status in ("running", "provisioning")]
    if run.status != "failed" or run.in_progress or unfinished:
        return (
            f"the run ended as {run.status!r}, in progress: {run.in_progress}, steps still "
            f"running: {', '.join(unfinished) or 'none'}"
        )
    return None
