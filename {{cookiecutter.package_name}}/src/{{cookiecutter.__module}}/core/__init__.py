"""Everything that ZenML wants of an orchestrator, for any backend that can run a job.

This folder comes from the template that made this project. Do not edit it: an update replaces it as
a whole. What is yours lies beside it; `jobs.py` is what the two have in common.

| Modules | What they do |
|---|---|
| `jobs`, `resources`, `names` | the interface between the core and a backend |
| `orchestrator`, `flavor` | what ZenML calls |
| `run_id`, `job_factory`, `environment`, `entrypoints` | a run, as jobs |
| `topology`, `coordinator`, `native_dag`, `compiled_dag`, `control` | who keeps steps in order |
| `dynamic_pipelines`, `dynamic_entrypoints` | pipelines whose steps are known only when they run |
| `schedules`, `firing` | runs that begin at set times |
| `containers`, `scripts`, `after_ended` | what some backends need |
| `registry`, `reconciliation`, `stopping` | from jobs back to ZenML's records |
| `monitoring`, `outages`, `termination` | submitting, watching and waiting |
| `job_main`, `supervisor`, `supervised`, `lifeline` | a job as a process |
| `warm_server`, `warm_client`, `warm_start`, `preloaded` | jobs that start with ZenML imported |
| `in_process` | an orchestrator without jobs: steps run in the client's process |
"""

VERSION = "1.0"
