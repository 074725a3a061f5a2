"""Two steps: load some numbers, process them.

Run it with the stack that holds your orchestrator active: `python examples/load_and_process.py`.
"""

from __future__ import annotations

import sys

from zenml import pipeline, step
from zenml.client import Client
from zenml.enums import ExecutionStatus


@step(enable_cache=False)
def load() -> list[float]:
    """Return the raw data."""
    return [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0]


@step(enable_cache=False)
def process(data: list[float]) -> float:
    """Reduce the data to their mean."""
    return sum(data) / len(data)


@pipeline
def load_and_process() -> None:
    """Hand the output of one step to the next."""
    process(load())


def main() -> int:
    """Run the pipeline and print its result.

    Returns:
        The exit code: 0 if the run completed.
    """
    started = load_and_process()
    if started is None:
        sys.exit("ZenML did not start a run.")
    run = Client().get_pipeline_run(started.id)
    print(f"Run {run.name}: {run.status}")
    if run.status != ExecutionStatus.COMPLETED:
        return 1
    print(f"Mean: {run.steps['process'].output.load()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
