"""Mutants of identity."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from zenml_conformance.prove.mutant import mutant

if TYPE_CHECKING:
    from zenml_conformance.prove.injector import Around, FaultInjector


@mutant("RUNID-4")
def id_too_long(injector: FaultInjector) -> None:
    """A step's orchestrator run id has 300 characters."""
    injector.change_run_ids(lambda run_id: run_id.ljust(300, "x"))


@mutant("RUNID-1")
def id_for_each_step(injector: FaultInjector) -> None:
    """The orchestrator run id is another one each time that it is asked for."""
    injector.change_run_ids(lambda run_id: f"{run_id[:36]}-{uuid4()}")


@mutant("RUNID-2")
def id_for_all_firings(injector: FaultInjector) -> None:
    """The orchestrator run id is the same in every run."""
    injector.change_run_ids(lambda run_id: "the-one-and-only")


@mutant("RUNID-5")
def id_invented(injector: FaultInjector) -> None:
    """Where no id can be found, `get_orchestrator_run_id` invents one."""

    def get(original: Around) -> str:
        try:
            return str(original())
        except Exception:
            return str(uuid4())

    injector.around("get_orchestrator_run_id", get)
