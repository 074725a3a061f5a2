"""What happens to an orchestrator, one function a scenario. None of them judges."""

from __future__ import annotations

import os
import traceback
from pathlib import Path

from zenml_conformance.engine import session as sessions
from zenml_conformance.lab.evidence import Evidence
from zenml_conformance.lab.laboratory import Laboratory
from zenml_conformance.lab.scenarios.scenario import SCENARIOS as SCENARIOS
from zenml_conformance.target import Target

from zenml_conformance.lab.scenarios import static as static  # isort: skip
from zenml_conformance.lab.scenarios import dynamic as dynamic  # isort: skip
from zenml_conformance.lab.scenarios import operations as operations  # isort: skip
from zenml_conformance.lab.scenarios import schedules as schedules  # isort: skip


def play(name: str, directory: str, template: str) -> None:
    """Play a scenario and write its evidence: the whole life of a scenario's process.

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
    evidence = Evidence(scenario=name, simulated=session.backend is not None)
    try:
        laboratory = Laboratory(name, home, Path(template), session)
        os.environ.update(laboratory.environment)
        evidence = laboratory.evidence
        SCENARIOS[name](laboratory)
        laboratory.collect()
    except BaseException:
        evidence.broken = traceback.format_exc()
    evidence.write(Path(directory, f"{name}.json"))
