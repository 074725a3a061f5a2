"""Sabotage of environments."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from zenml_conformance.prove.sabotage import Needs, sabotage
from zenml_conformance.prove.scene import wrap

if TYPE_CHECKING:
    from zenml_conformance.prove.scene import Around, Scene


@sabotage("ENV-1", needs=Needs.JOBS)
def variable_dropped(scene: Scene) -> None:
    """One of the user's variables does not arrive."""
    scene.change_environments(
        lambda step, variables: {k: v for k, v in variables.items() if k != "CONFORMANCE_PLAIN"}
    )


@sabotage("ENV-1", needs=Needs.CLIENT)
def zenmls_variables_dropped(scene: Scene) -> None:
    """Nothing of what ZenML sets for a step arrives."""
    scene.change_environments(
        lambda step, variables: {k: v for k, v in variables.items() if not k.startswith("ZENML_")}
    )


@sabotage("ENV-2")
def values_mixed_up(scene: Scene) -> None:
    """A step that has no value of its own for a variable gets another step's."""
    scene.change_environments(lambda step, variables: {"CONFORMANCE_OWN": "meet", **variables})


@sabotage("ENV-3", needs=Needs.JOBS)
def values_spoilt(scene: Scene) -> None:
    """Values lose their line ends, as in a file with one line for each variable."""
    scene.change_environments(
        lambda step, variables: {k: v.replace("\n", " ") for k, v in variables.items()}
    )


@sabotage("APP-1", needs=Needs.JOBS)
def made_for_containers(scene: Scene) -> None:
    """A step makes `/app` and goes there, as ZenML's own entrypoint does."""
    from zenml.entrypoints.step_entrypoint_configuration import StepEntrypointConfiguration

    def run(original: Around) -> None:
        os.makedirs("/app", exist_ok=True)
        os.chdir("/app")
        original()

    wrap(StepEntrypointConfiguration, "run", run)
