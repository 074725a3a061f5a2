"""Where evidence is made: real ZenML pipelines, run once a session in isolated stores.

`scenarios` says what happens, `pipelines` holds the steps, `client` submits them and
`evidence` is what is left. Nothing here judges: `rules` does.
"""
