"""What the suite is to pytest: its test files, and whether a session runs them."""

from __future__ import annotations

from pathlib import Path

import pytest

SUITE = Path(__file__).parents[1] / "suite"

PROPERTY = "conformance"
"""What the suite calls what it hands to xdist's workers, and adds to JUnit's reports."""

asked_key = pytest.StashKey[bool]()
"""Whether `--orchestrator` was given for this session, and not by the project's configuration."""
runs_key = pytest.StashKey[bool]()
"""Whether this session runs the suite: with paths beside `addopts` it does not."""
