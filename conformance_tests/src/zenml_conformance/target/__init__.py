"""The orchestrator under test."""
