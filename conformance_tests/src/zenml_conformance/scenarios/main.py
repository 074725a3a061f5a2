"""The life of a scenario's process."""

from __future__ import annotations

import os
import traceback
from pathlib import Path

from pydantic import ValidationError

from zenml_conformance.context.scenario_context import ScenarioContext
from zenml_conformance.engine import session as sessions
from zenml_conformance.scenarios.scenario import load
from zenml_conformance.target.target import Target


def run(name: str, directory: str, template: str) -> None:
    """Run a scenario and write its evidence.

    Args:
        name: The scenario.
        directory: Where scenarios live.
        template: The template store.
    """
    session = sessions.current
    assert session is not None
    home = Path(directory, name)
    connects = Target.load(session.target).harness.connects
    session = session.model_copy(
        update={"backend": str(home) if connects else None, "observer": False}
    )
    sessions.current = session
    scenario = load(name)
    evidence = scenario.evidence(scenario=name, simulated=connects)
    try:
        context = ScenarioContext(evidence, home, Path(template), session)
        os.environ.update(context.environment)
        try:
            scenario.run(context, evidence)
        except ValidationError as error:  # A value that ZenML stores, and then refuses to read.
            evidence.unreadable = str(error)
        context.collect()
    except BaseException:
        evidence.broken = traceback.format_exc()
    evidence.write(Path(directory, f"{name}.json"))
