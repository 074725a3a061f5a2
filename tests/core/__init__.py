"""Tests of the core that every generated project has a copy of."""
