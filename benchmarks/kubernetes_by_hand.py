"""The Jobs of a DAG, created by hand: as little as can be, with Kubernetes' own client.

    python -m benchmarks.kubernetes_by_hand JOBS NAMESPACE

Each Job is created when those before it have succeeded; one watch tells of all of them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from kubernetes.client import ApiClient, BatchV1Api, CoreV1Api
from kubernetes.config import load_kube_config
from kubernetes.watch import Watch


def main(jobs: str, namespace: str) -> None:
    """Create them all, and end with the last one.

    Args:
        jobs: What `benchmarks.kubernetes_client` has written down.
        namespace: Where.
    """
    load_kube_config()
    with ApiClient() as api:
        core, batch = CoreV1Api(api), BatchV1Api(api)
        waiting = json.loads(Path(jobs).read_text())
        steps = {step["job"]["metadata"]["name"]: name for name, step in waiting.items()}
        done: set[str] = set()
        version = core.list_namespaced_pod(namespace, limit=1).metadata.resource_version

        def create_ready() -> None:
            ready = [name for name, step in waiting.items() if done.issuperset(step["after"])]
            for step in map(waiting.pop, ready):
                core.create_namespaced_secret(namespace, step["secret"])
                batch.create_namespaced_job(namespace, step["job"])

        create_ready()
        for event in Watch().stream(
            core.list_namespaced_pod, namespace, resource_version=version, timeout_seconds=600
        ):
            pod = event["object"]
            if pod.status.phase == "Failed":
                sys.exit(f"{pod.metadata.name} failed.")
            name = steps[pod.metadata.labels["job-name"]]
            if pod.status.phase == "Succeeded" and name not in done:
                done.add(name)
                create_ready()
            if len(done) == len(steps):
                return
    sys.exit(f"{len(steps) - len(done)} steps had not ended in time.")


if __name__ == "__main__":
    main(*sys.argv[1:])
