"""The context of a scenario: a store of its own, clients, a backend, and what is left of them.

`scenario_context` is what a scenario works with, `client` submits its pipelines, and `evidence`
is what is left. Nothing here judges: the rules do.
"""
