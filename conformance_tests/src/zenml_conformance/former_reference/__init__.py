"""The reference backend and the reference orchestrator: the suite's instruments.

They exist to judge orchestrators. Nobody should run work on them.
"""
