"""What the generated `kubernetes` orchestrator adds to a cluster, and what ZenML's own does."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kubernetes.client import BatchV1Api, CoreV1Api
from kubernetes.config import list_kube_config_contexts, load_kube_config
from kubernetes.utils import create_from_yaml

from benchmarks.pipelines import LAYER_SECONDS, LAYERS, WIDTH
from benchmarks.ratio import Ratio
from benchmarks.workbench import (
    LIMIT_SECONDS,
    ROOT,
    BenchmarkFailed,
    BenchmarkSkipped,
    Workbench,
)

IMAGE = "zenml-kit-steps:1"
STEPS = LAYERS * WIDTH
ARGUMENTS = json.dumps({"layers": LAYERS, "width": WIDTH, "seconds": LAYER_SECONDS})
MANY, RUNS = 200, 20
PACKAGE, CLIENT = "zenml-cube-orchestrator", "benchmarks.kubernetes_client"
GENERATED, BY_HAND, ZENML = "cube", "by-hand", "zenml"


PATIENCE_SECONDS = 3600.0
"""After this, a run is taken for stuck, on a machine that is busy, too."""


@dataclass(frozen=True)
class Measured:
    """One way to run the DAG.

    Attributes:
        seconds: From the submission to the end of the last step.
        requests: What it asked of the API server meanwhile.
        submission: How long the submission took, in seconds.
    """

    seconds: float
    requests: int
    submission: float = 0.0


def dag(bench: Workbench) -> list[Ratio]:
    """Run a DAG of steps on the generated orchestrator, by hand, and on ZenML's own.

    Args:
        bench: The workbench.

    Returns:
        The times from the submission to the end of the last step, and the numbers of requests.

    Raises:
        BenchmarkSkipped: If there is no cluster, or none that writes down what it is asked.
    """
    with _stacks(bench) as (namespaces, audit):
        return _ratios(
            {
                GENERATED: _submitted(bench, namespaces[GENERATED], audit),
                BY_HAND: _by_hand(bench, namespaces, audit),
                ZENML: _submitted(bench, namespaces[ZENML], audit),
            }
        )


def load(bench: Workbench) -> list[Ratio]:
    """Run many steps in one run, and many runs at once, on the generated orchestrator.

    Args:
        bench: The workbench.

    Returns:
        The times per step, from the submission of the first run to the end of the last step, and
        the requests per step.

    Raises:
        BenchmarkSkipped: If there is no cluster, or none that writes down what it is asked.
    """
    with _stacks(bench) as (namespaces, audit):
        namespace = namespaces[GENERATED]
        one = _crowd(bench, 1, MANY, namespace, audit)
        many = _crowd(bench, RUNS, 2, namespace, audit)
    requests = many.requests - one.requests
    return [
        Ratio(
            f"time per step: {RUNS} runs of 2 steps at once / one run of {MANY} steps",
            many.seconds / (2 * RUNS),
            one.seconds / MANY,
            note=f"All have completed. One run's {MANY} steps took {one.seconds:.0f} s.",
        ),
        Ratio(
            f"requests per step: {RUNS} runs of 2 steps at once / one run of {MANY} steps",
            requests / (2 * RUNS),
            one.requests / MANY,
            unit="",
        ),
    ]


@contextlib.contextmanager
def _stacks(bench: Workbench) -> Iterator[tuple[dict[str, str], Path]]:
    """Have both stacks, named as their namespaces; yield those, and the server's audit log."""
    if "KUBECONFIG" not in os.environ:
        raise BenchmarkSkipped("KUBECONFIG is not set. `make engines` starts a cluster.")
    audit = Path(os.environ["KUBECONFIG"]).with_name("audit.log")
    if not audit.exists():
        raise BenchmarkSkipped(f"The cluster has no {audit}: requests can't be counted.")
    load_kube_config()
    core, stamp = CoreV1Api(), time.time_ns()
    namespaces = {way: f"bench-{way}-{stamp}" for way in (GENERATED, BY_HAND, ZENML)}
    project = bench.directory / PACKAGE
    if not project.exists():
        bench.generate(PACKAGE, "kubernetes")
    try:
        for namespace in namespaces.values():
            core.create_namespace({"metadata": {"name": namespace}})
        rules = str(project / "rbac.yaml")
        create_from_yaml(core.api_client, rules, namespace=namespaces[GENERATED])
        bench.register(_described(project, namespaces))
        yield namespaces, audit
    finally:
        _delete(list(namespaces.values()))


def _ratios(measured: dict[str, Measured]) -> list[Ratio]:
    ours, by_hand, zenml = measured[GENERATED], measured[BY_HAND], measured[ZENML]
    return [
        Ratio(
            f"{STEPS} steps on generated `kubernetes` / Jobs that are created by hand",
            ours.seconds,
            by_hand.seconds,
            1.25,
            spent={
                "submission": ours.submission,
                "from there to the end of the last step": ours.seconds - ours.submission,
            },
            note=f"{LAYERS} layers of {WIDTH} steps of {LAYER_SECONDS:g} s, each after two others. "
            "A coordinator starts first; by hand, a process on this machine watches.",
        ),
        Ratio(
            f"time per step: generated `kubernetes` / ZenML's `kubernetes`, {STEPS} steps",
            ours.seconds / STEPS,
            zenml.seconds / STEPS,
            1.0,
        ),
        Ratio(
            f"requests to the API server, {STEPS} steps: generated / by hand",
            ours.requests,
            by_hand.requests,
            unit="",
            note="All of the client, the coordinator and the steps, by the server's audit log.",
        ),
        Ratio(
            f"requests to the API server, {STEPS} steps: generated / ZenML's `kubernetes`",
            ours.requests,
            zenml.requests,
            1.0,
            unit="",
        ),
    ]


def _described(project: Path, namespaces: dict[str, str]) -> dict[str, dict[str, object]]:
    """Describe both stacks. The image has ZenML, and pods get the rest from this machine."""
    module = "zenml_cube_orchestrator"
    mounted = {
        ROOT / "benchmarks": "/app/benchmarks",
        project / "src" / module: f"/app/{module}",
    }
    volumes = [
        {"name": f"code-{number}", "hostPath": {"path": str(path)}}
        for number, path in enumerate(mounted)
    ]
    mounts = [
        {"name": f"code-{number}", "mountPath": place, "readOnly": True}
        for number, place in enumerate(mounted.values())
    ]
    pod_settings = {"volumes": volumes, "volume_mounts": mounts}
    return {
        namespaces[GENERATED]: {
            "flavor_class": f"{module}.flavor.CubeOrchestratorFlavor",
            "flavor": "cube",
            "configuration": {
                "synchronous": False,
                "local": True,
                "image": IMAGE,
                "kubernetes_namespace": namespaces[GENERATED],
                "pod_spec": {"volumes": volumes},
                "container": {"volumeMounts": mounts},
            },
        },
        namespaces[ZENML]: {
            "flavor": "kubernetes",
            "configuration": {
                "synchronous": False,
                "local": True,
                "kubernetes_context": list_kube_config_contexts()[1]["name"],
                "kubernetes_namespace": namespaces[ZENML],
                "pod_settings": pod_settings,
                "orchestrator_pod_settings": pod_settings,
            },
            "components": {
                "container_registry": {
                    "flavor": "default",
                    "configuration": {"uri": "localhost:5000"},
                },
                "image_builder": {"flavor": "local", "configuration": {}},
            },
        },
    }


def _submitted(bench: Workbench, namespace: str, audit: Path) -> Measured:
    submitted = bench.tell(CLIENT, namespace, ARGUMENTS, command=["submit"])
    _await_jobs(namespace)
    return Measured(
        bench.end(submitted["run"]) - submitted["submitted"],
        _requests(namespace, audit),
        submitted["seconds"],
    )


def _by_hand(bench: Workbench, namespaces: dict[str, str], audit: Path) -> Measured:
    jobs, namespace = bench.directory / "jobs.json", namespaces[BY_HAND]
    run = bench.tell(CLIENT, namespaces[GENERATED], ARGUMENTS, str(jobs), command=["submit"])["run"]
    began = time.time()
    bench.time([sys.executable, "-m", "benchmarks.kubernetes_by_hand", str(jobs), namespace])
    _await_jobs(namespace)
    return Measured(bench.end(run) - began, _requests(namespace, audit))


def _crowd(bench: Workbench, runs: int, steps: int, namespace: str, audit: Path) -> Measured:
    arguments = (namespace, str(runs), str(steps))
    submitted = bench.tell(CLIENT, *arguments, command=["crowd"])
    _await_jobs(namespace)
    end = max(bench.end(run) for run in submitted["runs"])
    return Measured(end - submitted["submitted"], _requests(namespace, audit))


def _await_jobs(namespace: str) -> None:
    """Wait until no Job is active."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while any(
        not (job.status.succeeded or job.status.failed)
        for job in BatchV1Api().list_namespaced_job(namespace).items
    ):
        if time.monotonic() > deadline:
            raise BenchmarkFailed(f"Jobs stay active in {namespace}.")
        time.sleep(3)


def _delete(namespaces: list[str]) -> None:
    """Delete namespaces, and wait: what runs in them writes to the workbench's directory."""
    core, deadline = CoreV1Api(), time.monotonic() + LIMIT_SECONDS
    for namespace in namespaces:
        core.delete_namespace(namespace)
    while {space.metadata.name for space in core.list_namespace().items}.intersection(namespaces):
        if time.monotonic() > deadline:
            raise BenchmarkFailed(f"One of {', '.join(namespaces)} is still there.")
        time.sleep(3)


def _requests(namespace: str, audit: Path) -> int:
    """Count what was asked of the API server in a namespace, or by an account of it.

    This benchmark's own questions, whether Jobs are active, are not among them: they are about all
    Jobs of the namespace, as nobody else's are.
    """
    asked = set()
    account = f"system:serviceaccount:{namespace}:"
    for line in audit.read_text().splitlines():
        event = json.loads(line)
        about = event.get("objectRef", {}).get("namespace")
        if about != namespace and not event["user"]["username"].startswith(account):
            continue
        if not event["requestURI"].endswith(f"/namespaces/{namespace}/jobs") or (
            event["verb"] != "list"
        ):
            asked.add(event["auditID"])
    return len(asked)
