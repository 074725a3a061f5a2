"""What keeps an execution mode, told from a run of the pipeline `static.modes`."""

from __future__ import annotations

from zenml_conformance.lab.evidence import RunRecord


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
