"""Orchestrators of ZenML's that are registered and looked at, and never run."""

STATIC_RULES = ("PKG-1", "PKG-4", "PKG-5", "RUNID-5")
"""Rules that need no run: what they look at are classes."""
