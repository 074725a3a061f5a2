"""Where evidence is made: real ZenML pipelines, run once a session in isolated stores.

`laboratory` is what a scenario works with, `client` submits its pipelines, and `evidence` is what
is left. Nothing here judges: `rules` does.
"""
