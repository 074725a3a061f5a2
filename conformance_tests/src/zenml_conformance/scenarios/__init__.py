"""What happens to an orchestrator: one module a scenario. None of them judges.

A scenario's module has the evidence that it leaves, the ZenML pipeline that it runs and the
function that runs it; `shared` has the steps and pipelines that several of them run.

Three kinds of process import such a module: the one that runs the scenario, each that runs one of
its steps, and pytest, which knows evidence and no ZenML. So it imports nothing for which one of
them would have to wait.
"""
