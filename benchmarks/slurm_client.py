"""What runs inside the benchmark's ZenML store for the benchmarks on Slurm.

    python -m benchmarks.slurm_client RESULT PIPELINE ARGUMENTS [SCRIPT]

`benchmarks.slurm` starts it, in an environment that names the store.
"""

from __future__ import annotations

import json
import shlex
import sys
import time
from pathlib import Path
from typing import Any

from zenml.client import Client

from benchmarks.client import submission_times
from benchmarks.pipelines import lattice, wide

STACK = "slurm"
LATER = {"orchestrator": {"extra_flags": ["--begin=now+1day"]}}


class ByHand:
    """A backend that submits nothing, and writes down what somebody would who does it by hand."""

    def __init__(self, script: Path) -> None:
        """Begin a script.

        Args:
            script: The file. The environments of jobs lie beside it.
        """
        self.script = script
        script.write_text("set -e\n")
        self.jobs = 0

    def check(self, job: Any) -> None:
        """Find nothing wrong."""

    def submit(self, job: Any) -> str:
        """Write a line, unless it is a job that only the orchestrator needs."""
        self.jobs += 1
        if job.labels["role"] == "step":
            environment = self.script.with_name(f"environment-{self.jobs}")
            inherited = Path("/proc/self/environ").read_text()
            own = "".join(f"{name}={value}\0" for name, value in job.environment.items())
            environment.write_text(inherited + own)
            words = ["--parsable", "--no-requeue", f"--output={self.script}-{self.jobs}.log"]
            words += [f"--export-file={environment}", f"--wrap=exec {shlex.join(job.command)}"]
            before = "".join(f":$job_{number}" for number in job.depends_on)
            after = f" --dependency=afterok{before}" if before else ""
            with self.script.open("a") as file:
                file.write(f"job_{self.jobs}=$(sbatch{after} {shlex.join(words)})\n")
        return str(self.jobs)

    def log_location(self, job_id: str) -> None:
        """Know of none."""


def submit(result: str, pipeline: str, arguments: str, script: str | None = None) -> None:
    """Submit a pipeline, and don't wait for it.

    Args:
        result: File that takes the run's id, when ZenML asked the orchestrator to submit it, and
            how long that took, in all and for the jobs alone, in seconds.
        pipeline: `lattice`, or `wide`, whose jobs may not start before tomorrow.
        arguments: Its arguments, as JSON.
        script: What to write instead of submitting jobs.
    """
    client = Client()
    client.activate_stack(STACK)
    instance: Any = client.active_stack.orchestrator
    orchestrator: Any = type(instance)
    times = submission_times(orchestrator)
    times["in_sbatch"] = 0.0
    backend: Any = type(instance.backend)
    submit_job = backend.submit

    def timed_job(*positional: Any) -> Any:
        began = time.monotonic()
        job_id = submit_job(*positional)
        times["in_sbatch"] += time.monotonic() - began
        return job_id

    backend.submit = timed_job
    if script:
        by_hand = ByHand(Path(script))
        orchestrator.backend = property(lambda self: by_hand)
    chosen: Any = {"lattice": lattice, "wide": wide.with_options(settings=LATER)}[pipeline]
    run = chosen(**json.loads(arguments))
    Path(result).write_text(json.dumps({"run": str(run.id), **times}))


if __name__ == "__main__":
    submit(*sys.argv[1:])
