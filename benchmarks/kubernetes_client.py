"""What runs inside the benchmark's ZenML store for the benchmark on Kubernetes.

    python -m benchmarks.kubernetes_client submit RESULT STACK ARGUMENTS [JOBS]
    python -m benchmarks.kubernetes_client crowd RESULT STACK RUNS STEPS

`benchmarks.kubernetes_cluster` starts it, in an environment that names the store.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from zenml.client import Client
from zenml.config import DockerSettings, ResourceSettings

from benchmarks.client import submission_times
from benchmarks.pipelines import lattice, wide

DOCKER = DockerSettings(parent_image="zenml-kit-steps:1", skip_build=True)


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
    run: Any = lattice.with_options(settings={"docker": DOCKER})(**json.loads(arguments))
    Path(result).write_text(json.dumps({"run": str(run.id), **times}))


def crowd(result: str, stack: str, runs: str, steps: str) -> None:
    """Submit runs whose steps need nothing of each other, and wait for none of them.

    Args:
        result: File that takes the runs' ids, and when the first was submitted.
        stack: The stack.
        runs: How many runs.
        steps: How many steps each of them has. As many run at once as the memory is enough for.
    """
    client = Client()
    client.activate_stack(stack)
    times = submission_times(type(client.active_stack.orchestrator))
    settings = {"docker": DOCKER, "resources": ResourceSettings(memory="1GB")}
    pipeline, ids, submitted = wide.with_options(settings=settings), [], []
    for _ in range(int(runs)):
        run: Any = pipeline(int(steps))
        ids.append(str(run.id))
        submitted.append(times["submitted"])
    Path(result).write_text(json.dumps({"runs": ids, "submitted": submitted[0]}))


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
    commands: dict[str, Callable[..., None]] = {"submit": submit, "crowd": crowd}
    commands[sys.argv[1]](*sys.argv[2:])
