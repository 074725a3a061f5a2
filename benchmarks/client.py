"""What runs inside the benchmark's ZenML store: registration, and runs of pipelines.

    python -m benchmarks.client register DESCRIPTION
    python -m benchmarks.client run RESULT STACK PIPELINE [LENGTH]

`benchmarks.workbench` starts it, in an environment that names the store.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from uuid import UUID

from zenml.client import Client
from zenml.enums import ExecutionStatus, StackComponentType

from benchmarks.pipelines import chain, cold_chain, fan, single


def register(description: str) -> None:
    """Register flavors, and a stack with each.

    Args:
        description: JSON file that gives each stack's flavor class, flavor name and configuration,
            and the flavors of its other components; without a class, the flavor is ZenML's own.
    """
    client = Client()
    artifact_store = client.active_stack_model.components[StackComponentType.ARTIFACT_STORE][0]
    for stack, orchestrator in json.loads(Path(description).read_text()).items():
        if "flavor_class" in orchestrator and not client.list_flavors(name=orchestrator["flavor"]):
            client.create_flavor(
                source=orchestrator["flavor_class"], component_type=StackComponentType.ORCHESTRATOR
            )
        component = client.create_stack_component(
            name=stack,
            flavor=orchestrator["flavor"],
            component_type=StackComponentType.ORCHESTRATOR,
            configuration=orchestrator["configuration"],
        )
        components: dict[StackComponentType, str | UUID] = {
            StackComponentType.ORCHESTRATOR: component.id,
            StackComponentType.ARTIFACT_STORE: artifact_store.id,
        }
        for kind, other in orchestrator.get("components", {}).items():
            components[StackComponentType(kind)] = client.create_stack_component(
                name=stack, component_type=StackComponentType(kind), **other
            ).id
        client.create_stack(name=stack, components=components)


def run(result: str, stack: str, pipeline: str, length: str = "0") -> None:
    """Run a pipeline, and write down when it and its steps began and ended.

    Args:
        result: File that takes the times, in seconds since the submission.
        stack: The stack.
        pipeline: `chain`, `cold_chain`, `fan` or `single`.
        length: How many steps a chain has.
    """
    Client().activate_stack(stack)
    began_file = Path(f"{result}.began")
    pipelines: dict[str, Callable[[], Any]] = {
        "chain": lambda: chain(int(length)),
        "cold_chain": lambda: cold_chain(int(length)),
        "fan": fan,
        "single": lambda: single(str(began_file)),
    }
    orchestrator: Any = type(Client().active_stack.orchestrator)
    submit_pipeline, called = orchestrator.submit_pipeline, 0.0

    def timed(*arguments: Any, **others: Any) -> Any:
        nonlocal called
        called = time.time()
        return submit_pipeline(*arguments, **others)

    orchestrator.submit_pipeline = timed
    submitted, began = datetime.now(timezone.utc), time.monotonic()
    response = pipelines[pipeline]()
    # All stacks are synchronous: the call returns when the run has ended.
    seconds = time.monotonic() - began
    record = Client().get_pipeline_run(response.id)
    if record.status != ExecutionStatus.COMPLETED:
        sys.exit(f"The {pipeline} on {stack} ended as {record.status}: its time means nothing.")
    steps = {
        name: [_since(submitted, step.start_time), _since(submitted, step.end_time)]
        for name, step in record.steps.items()
    }
    start = float(began_file.read_text()) - called if pipeline == "single" else None
    Path(result).write_text(json.dumps({"seconds": seconds, "steps": steps, "start": start}))


def submission_times(orchestrator: Any) -> dict[str, float]:
    """Have an orchestrator's class note when it is asked to submit a run, and how long it takes.

    Args:
        orchestrator: The class.

    Returns:
        `submitted`, in seconds since 1970, and `seconds`: there once a run has been submitted.
    """
    times: dict[str, float] = {}
    original = orchestrator.submit_pipeline

    def timed(*positional: Any, **named: Any) -> Any:
        times["submitted"], began = time.time(), time.monotonic()
        submission = original(*positional, **named)
        times["seconds"] = time.monotonic() - began
        return submission

    orchestrator.submit_pipeline = timed
    return times


def _since(submitted: datetime, moment: datetime | None) -> float:
    if moment is None:
        raise ValueError("a completed run has a step without a start or an end")
    if moment.tzinfo is None:  # ZenML stores UTC and, on SQLite, no zone.
        moment = moment.replace(tzinfo=timezone.utc)
    return (moment - submitted).total_seconds()


if __name__ == "__main__":
    commands: dict[str, Callable[..., None]] = {"register": register, "run": run}
    commands[sys.argv[1]](*sys.argv[2:])
