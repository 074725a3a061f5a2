"""Mutants of hooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml_conformance.prove.mutant import mutant

if TYPE_CHECKING:
    from zenml_conformance.prove.injector import FaultInjector


@mutant("HOOK-1")
def nothing_is_closed(injector: FaultInjector) -> None:
    """The cleanup hook of a pipeline is never run."""
    injector.orchestrator.run_cleanup_hook = classmethod(lambda cls, snapshot: None)
