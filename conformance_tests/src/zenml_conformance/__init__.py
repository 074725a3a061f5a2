"""Conformance of ZenML orchestrators: `pytest --orchestrator=REF`."""

from zenml_conformance.harness import BlackBox, Component, Harness, RecordedResources, SeamHarness

__all__ = ["BlackBox", "Component", "Harness", "RecordedResources", "SeamHarness"]
__version__ = "0.3.0"
