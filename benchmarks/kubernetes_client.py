"""What runs inside the benchmark's ZenML store for the benchmark on Kubernetes.

    python -m benchmarks.kubernetes_client RESULT STACK ARGUMENTS [JOBS]

`benchmarks.kubernetes_cluster` starts it, in an environment that names the store.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from zenml.client import Client
from zenml.config import DockerSettings

from benchmarks.client import submission_times
from benchmarks.pipelines import lattice

IMAGE = "zenml-kit-steps:1"


def submit(result: str, stack: str, arguments: str, jobs: str | None = None) -> None:
    """Submit the `lattice`, and don't wait for it.

    Args:
        result: File that takes the run's id, when ZenML asked the orchestrator to submit it, and
            how long that took, in seconds.
        stack: The stack.
        arguments: Its arguments, as JSON.
        jobs: File that takes the manifests of the steps' Jobs, instead of submitting the run.
    """
    client = Client()
    client.activate_stack(stack)
    orchestrator: Any = client.active_stack.orchestrator
    times = submission_times(type(orchestrator))
    if jobs:
        _write_down(Path(jobs), orchestrator)
    docker = DockerSettings(parent_image=IMAGE, skip_build=True)
    run: Any = lattice.with_options(settings={"docker": docker})(**json.loads(arguments))
    Path(result).write_text(json.dumps({"run": str(run.id), **times}))


def _write_down(file: Path, orchestrator: Any) -> None:
    """Have the generated orchestrator write down what it would create for each step."""
    package = "zenml_cube_orchestrator"
    manifests: Any = import_module(f"{package}.manifests")
    topology_class: Any = import_module(f"{package}.core.coordinator").CoordinatorTopology
    submitted: Any = import_module(f"{package}.core.topology").SubmittedJobs

    def submit(
        topology: Any, factory: Any, run: Any, base_environment: Any, step_environments: Any
    ) -> Any:
        steps = factory.snapshot.step_configurations
        described = {}
        for name, environment in step_environments.items():
            job = factory.step(name, {**base_environment, **environment})
            described[name] = {
                "after": steps[name].spec.upstream_steps,
                "secret": manifests.secret_manifest(job, orchestrator.config, None),
                "job": manifests.job_manifest(job, orchestrator.config, None),
            }
        file.touch(mode=0o600)
        file.write_text(json.dumps(described))
        return submitted(control="by-hand")

    topology_class.submit = submit


if __name__ == "__main__":
    submit(*sys.argv[1:])
