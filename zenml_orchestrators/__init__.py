"""The orchestrators that ZenML ships, judged: one module and one harness each.

Most modules *emulate* a service's API, as far as ZenML's orchestrator for it uses that API, on
the suite's fake backend. What is judged is ZenML's code and the real client library; what
the service itself would do with a request is only what the module says. The own backend of some
runs on this machine: those are judged on it (`local_docker`, `kubernetes_cluster`).
"""
