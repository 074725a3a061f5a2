"""Judging: scenarios are run, and what they leave becomes outcomes and a verdict."""
