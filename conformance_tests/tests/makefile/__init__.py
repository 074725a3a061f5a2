"""A known good orchestrator that is a black box: `make` keeps the DAG of a run.

It shares no line with the core and has no harness, so the suite sees of it what it sees of any
orchestrator that it knows nothing about.
"""
