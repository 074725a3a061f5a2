"""Mutants of environments."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from zenml_conformance.prove.injector import wrap
from zenml_conformance.prove.mutant import Needs, mutant

if TYPE_CHECKING:
    from zenml_conformance.prove.injector import Around, FaultInjector


@mutant("ENV-1", needs=Needs.JOBS)
def variable_dropped(injector: FaultInjector) -> None:
    """One of the user's variables does not arrive."""
    injector.change_environments(
        lambda step, variables: {k: v for k, v in variables.items() if k != "CONFORMANCE_PLAIN"}
    )


@mutant("ENV-1", needs=Needs.CLIENT)
def zenmls_variables_dropped(injector: FaultInjector) -> None:
    """Nothing of what ZenML sets for a step arrives."""
    injector.change_environments(
        lambda step, variables: {k: v for k, v in variables.items() if not k.startswith("ZENML_")}
    )


@mutant("ENV-2")
def values_mixed_up(injector: FaultInjector) -> None:
    """A step that has no value of its own for a variable gets another step's."""
    injector.change_environments(lambda step, variables: {"CONFORMANCE_OWN": "meet", **variables})


@mutant("ENV-3", needs=Needs.JOBS)
def values_spoilt(injector: FaultInjector) -> None:
    """Values lose their line ends, as in a file with one line for each variable."""
    injector.change_environments(
        lambda step, variables: {k: v.replace("\n", " ") for k, v in variables.items()}
    )


@mutant("APP-1", needs=Needs.JOBS)
def made_for_containers(injector: FaultInjector) -> None:
    """A step makes `/app` and goes there, as ZenML's own entrypoint does."""
    from zenml.entrypoints.step_entrypoint_configuration import StepEntrypointConfiguration

    def run(original: Around) -> None:
        os.makedirs("/app", exist_ok=True)
        os.chdir("/app")
        original()

    wrap(StepEntrypointConfiguration, "run", run)
