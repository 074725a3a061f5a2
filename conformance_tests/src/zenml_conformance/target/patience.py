"""How long scenarios wait: for a backend that starts jobs when it likes, longer.

All limits are written down for a backend that starts a job within seconds, as the fake
backend does. Where the orchestrator keeps its own, all are multiplied by `TargetSpec.stretch`.
"""

from __future__ import annotations

from pathlib import Path

PATIENCE_SECONDS = 30.0
"""How long the orchestrator's own backend may take to start a job, unless the user says more."""

STRETCH = "stretch"
"""A file beside the probes: steps wait, too, and an orchestrator may lose their environment."""


def write_stretch(probes: str, stretch: float) -> None:
    """Tell the steps how much longer than usual to wait.

    Args:
        probes: Directory of the scenario's probes.
        stretch: The factor.
    """
    Path(probes, STRETCH).write_text(str(stretch))


def stretched(probes: str, seconds: float) -> float:
    """Say how long a step is to wait.

    Args:
        probes: Directory of the scenario's probes.
        seconds: How long it would wait if jobs started at once.

    Returns:
        Seconds.
    """
    return seconds * float(Path(probes, STRETCH).read_text())
