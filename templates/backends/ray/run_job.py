"""What runs in a worker of Ray's: a task, which starts a job as a process, and waits for it."""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import ray

from .core.supervised import SupervisedProcess
from .core.warm_client import WarmClient

SIGTERM, SIGKILL = 15, 9

WARM_SECONDS = 600.0
"""How long a process that has imported ZenML is kept when none of its jobs is alive."""


def run_job(actor: Any, name: str, request: dict[str, Any]) -> int | None:
    """Run a job as a process of its own, on this node.

    The main thread never asks Ray for anything: while it waits for an answer, Ray would give the
    resources of the task to others.

    Args:
        actor: The actor of the run.
        name: The job.
        request: `command`, `environment`, `grace_seconds`; `server_environment`, that of the
            warm server; `python`, the interpreter, None for that of the worker; `client_python`,
            which it stands for; `source_root`, a directory for which that of the worker stands.

    Returns:
        The exit code; None if the job was not to start any more.
    """
    node = ThisNode()
    log = node.logs / f"{name}.log"
    with ThreadPoolExecutor(1) as thread:
        started = actor.started.remote(name, (node.address, str(log)))
        if not thread.submit(ray.get, started).result():
            return None
    process = _start(node, log, request)

    def end_when_told() -> None:
        try:
            ray.get(actor.told_to_end.remote(name))
        except ray.exceptions.RayError:
            process.signal(SIGKILL)  # Nobody would ever hear of it.
        else:
            process.signal(SIGTERM)

    threading.Thread(target=end_when_told, daemon=True).start()
    code = process.wait()
    if process.is_lost:
        # Its supervisor was killed, and could not take the process with it.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, SIGKILL)
        raise RuntimeError("the process that looks after the job was killed")
    return code


class ThisNode:
    """The node that this worker is on."""

    def __init__(self) -> None:
        """Look it up."""
        context = ray.get_runtime_context()
        (node,) = (node for node in _nodes() if node["NodeID"] == context.get_node_id())
        self.gcs: str = context.gcs_address
        self.address: str = node["NodeManagerAddress"]
        session = Path(node["RayletSocketName"]).parents[1]
        self.session: Path = session
        self.logs: Path = session / "logs"

    def environment(self) -> dict[str, str]:
        """Return the variables that every job on this node gets.

        Not those with which Ray tells its worker who it is; but what leads to the cluster.
        """
        kept = {
            name: value
            for name, value in _initial_environment().items()
            if name.startswith("RAY_AUTH_") or not name.startswith("RAY_")
        }
        return {**kept, "RAY_ADDRESS": self.gcs}


def _start(node: ThisNode, log: Path, request: dict[str, Any]) -> SupervisedProcess:
    """Start the process of a job.

    Args:
        node: This node.
        log: Where its output goes.
        request: See `run_job`.
    """
    python = request["python"] or sys.executable
    command = [*request["command"]]
    if command[0] == request["client_python"]:
        command[0] = python
    if request["source_root"]:
        command = [os.getcwd() if word == request["source_root"] else word for word in command]
    inherited = node.environment()
    job: dict[str, Any] = {
        "command": command,
        "environment": {**_set_by_ray(), **inherited, **request["environment"]},
        "directory": os.getcwd(),
        "grace_seconds": request["grace_seconds"],
    }
    server = WarmClient.find(
        node.session / "zenml",  # Where Ray's own sockets are.
        python,
        {**inherited, **request["server_environment"]},
        os.getcwd(),
        WARM_SECONDS,
        ends_with=os.getppid(),  # The raylet.
    )
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return server.start(job, output)
    finally:
        os.close(output)


def _nodes() -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return nodes


def _initial_environment() -> dict[str, str]:
    """What this worker was started with."""
    data = Path("/proc/self/environ").read_bytes()
    variables = (os.fsdecode(variable) for variable in data.split(b"\0") if b"=" in variable)
    return dict(variable.split("=", 1) for variable in variables)


def _set_by_ray() -> dict[str, str]:
    """What Ray has set for this task: devices, and a number of threads."""
    initial = _initial_environment()
    return {
        name: value
        for name, value in os.environ.items()
        if initial.get(name) != value and name != "PYTHONBREAKPOINT"
    }
