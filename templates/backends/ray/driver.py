"""The process that is connected to Ray, in the place of one that runs a user's code.

A connection to Ray brings threads, handlers and output along, a process can have one only, and
a pipeline may want its own. So `cluster.py` starts this:

    python -m example_pkg.driver ADDRESS RUNTIME_ENVIRONMENT

Requests come in as lines of JSON, and answers go out as such. It ends when the input does.
"""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import sys
from typing import Any

import ray
from ray import cloudpickle
from ray.util.state import list_tasks

from . import run_actor, run_job
from .core import supervised, warm_client

NAMESPACE = "zenml"

ATTEMPTS = 3
"""How often to try to connect where Ray's client server has taken the connection, and failed."""

CONNECT_SECONDS = 15.0
"""How long the cluster may take to take a connection."""

ANSWER_SECONDS = 60.0
"""How long an actor may take to answer, apart from the time that it was told to wait."""


def connect(address: str, runtime_env: dict[str, Any]) -> None:
    """Connect to the cluster.

    Args:
        address: Where it is, as `ray.init` understands it; empty for what Ray finds by itself.
        runtime_env: The runtime environment of the runs that are begun here. What it names of
            this machine is uploaded.
    """
    if server := re.fullmatch(r"(?:ray://)?([^/]+):(\d+)", address):
        # Ray itself would try for minutes, and say nothing.
        socket.create_connection((server[1], int(server[2])), CONNECT_SECONDS).close()
    for attempt in range(1, ATTEMPTS + 1):
        try:
            ray.init(
                address=address or "auto",
                namespace=NAMESPACE,
                runtime_env=runtime_env or None,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
            break
        except ConnectionAbortedError:
            # Ray's client server starts a process for each client, which sometimes crashes at once.
            if attempt == ATTEMPTS:
                raise
    # The nodes need not have this package.
    for module in (run_actor, run_job, supervised, warm_client):
        cloudpickle.register_pickle_by_value(module)  # type: ignore[no-untyped-call]


def submit(run: str, name: str, request: dict[str, Any], options: dict[str, Any]) -> None:
    """Hand a job to the actor of its run.

    Args:
        run: The run.
        name: The job.
        request: What to do.
        options: What it needs, in Ray's words.
    """
    actor_class: Any = ray.remote(run_actor.RunActor)
    actor = actor_class.options(
        name=run,
        lifetime="detached",
        get_if_exists=True,
        num_cpus=0,
        max_restarts=0,
        # Most of its methods wait, one for each job.
        max_concurrency=100_000,
    )
    ray.get(actor.remote().submit.remote(name, request, options), timeout=ANSWER_SECONDS)


def ask(run: str, method: str, arguments: list[Any], seconds: float = 0.0) -> Any:
    """Call a method of the actor of a run.

    Args:
        run: The run.
        method: The method.
        arguments: Its arguments.
        seconds: How long it may wait.

    Returns:
        What it returns; None if there is no such actor, or no longer.
    """
    try:
        actor = ray.get_actor(run)
        answer = getattr(actor, method).remote(*arguments)
        return ray.get(answer, timeout=seconds + ANSWER_SECONDS)
    except ray.exceptions.ActorUnavailableError:
        raise  # It may come back.
    except (ValueError, ray.exceptions.RayActorError):
        return None


def nodes() -> list[dict[str, float]]:
    """Return what each node has."""
    return [
        node["Resources"]
        for node in ray.nodes()  # type: ignore[no-untyped-call]
        if node["Alive"]
    ]


def task_resources(name: str) -> dict[str, float] | None:
    """Return what Ray has on record of the needs of a task that has started.

    Args:
        name: The task, which is called like its job.

    Returns:
        The resources by name; None if there is no such record yet.
    """
    tasks = list_tasks(filters=[("name", "=", name)], detail=True)
    started = [task for task in tasks if task.worker_pid]
    return started[0].required_resources if started else None


FUNCTIONS = {function.__name__: function for function in (submit, ask, nodes, task_resources)}


def main() -> None:
    """Connect, and answer requests until there are no more."""
    # Ray prints as well.
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)
        connect(sys.argv[1], json.loads(sys.argv[2]))
        for line in sys.stdin:
            request = json.loads(line)
            answer: dict[str, Any]
            try:
                answer = {"result": FUNCTIONS[request["function"]](**request["arguments"])}
            except Exception as error:
                answer = {"error": f"{type(error).__name__}: {error}"}
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
