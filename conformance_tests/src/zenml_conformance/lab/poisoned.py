"""A pipeline whose step can be submitted, but never starts: its module fails to import there."""

from __future__ import annotations

import os

from zenml import pipeline, step

from zenml_conformance.lab import client
from zenml_conformance.lab.pipelines import leave_probe

if client.pid != os.getpid():
    raise ImportError("this module fails to import in every process but the submitting client")


@step
def never_starts(probes: str) -> int:
    """Never run but in the client."""
    leave_probe(probes, began=0.0)
    return 1


@pipeline(enable_cache=False)
def poisoned(probes: str) -> None:
    """One step that never starts."""
    never_starts(probes)
