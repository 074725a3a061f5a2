"""Every mutant: one module an area, as the modules of `rules`.

`MUTANTS` holds them once this package is imported. ZenML is imported inside of them only: who
lists them need not wait for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml_conformance.prove.injector import FaultInjector
from zenml_conformance.prove.mutant import MUTANTS as MUTANTS

from zenml_conformance.prove.mutants import submission as submission  # isort: skip
from zenml_conformance.prove.mutants import identity as identity  # isort: skip
from zenml_conformance.prove.mutants import topology as topology  # isort: skip
from zenml_conformance.prove.mutants import environment as environment  # isort: skip
from zenml_conformance.prove.mutants import server as server  # isort: skip
from zenml_conformance.prove.mutants import records as records  # isort: skip
from zenml_conformance.prove.mutants import failure as failure  # isort: skip
from zenml_conformance.prove.mutants import hooks as hooks  # isort: skip
from zenml_conformance.prove.mutants import dead_steps as dead_steps  # isort: skip
from zenml_conformance.prove.mutants import caching as caching  # isort: skip
from zenml_conformance.prove.mutants import resources as resources  # isort: skip
from zenml_conformance.prove.mutants import packaging as packaging  # isort: skip
from zenml_conformance.prove.mutants import status as status  # isort: skip
from zenml_conformance.prove.mutants import stop as stop  # isort: skip
from zenml_conformance.prove.mutants import schedules as schedules  # isort: skip
from zenml_conformance.prove.mutants import dynamic as dynamic  # isort: skip
from zenml_conformance.prove.mutants import isolated as isolated  # isort: skip

if TYPE_CHECKING:
    from zenml_conformance.fake_backend.client import FakeBackend
    from zenml_conformance.target.target import Target


def inject(name: str, target: Target, backend: FakeBackend | None, is_observer: bool) -> None:
    """Put a mutant's fault into the orchestrator under test, in this process.

    Args:
        name: The mutant.
        target: The orchestrator.
        backend: The fake backend; None: it has its own.
        is_observer: Whether this process is one of the suite's own.
    """
    MUTANTS[name].apply(FaultInjector(target, backend, is_observer))
