"""The orchestrators that ZenML ships, judged: one module and one harness each.

Each module *emulates* a service's API, as far as ZenML's orchestrator for it uses that API, on
the suite's fake backend. What is judged is ZenML's code and the real client library; what
the service itself would do with a request is only what the module says.
"""
