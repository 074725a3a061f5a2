"""Conformance of ZenML orchestrators: `pytest --orchestrator=REF`."""

from zenml_conformance.harness import BlackBox, Component, Harness, SeamHarness

__all__ = ["BlackBox", "Component", "Harness", "SeamHarness"]
__version__ = "0.1.0"
