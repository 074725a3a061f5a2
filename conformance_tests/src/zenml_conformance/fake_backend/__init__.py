"""The fake backend: jobs that the engine runs, in the place of an orchestrator's own system.

A harness imports what it needs from here.
"""

from zenml_conformance.fake_backend.client import FakeBackend as FakeBackend
from zenml_conformance.fake_backend.jobs import Job as Job
from zenml_conformance.fake_backend.jobs import JobRecord as JobRecord
from zenml_conformance.fake_backend.jobs import JobState as JobState
