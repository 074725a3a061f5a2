"""An emulated KFP API: the calls that the official client makes, answered as its Swagger says.

It is not Kubeflow Pipelines. It takes what the models of the client take, which are made of the
published Swagger; it reads pipelines with the SDK's own protocol buffers; and it runs their
containers, on the engine that `DOCKER_HOST` leads to. As Kubeflow's own backend does with Argo
Workflows, it starts nothing more in a DAG once a task has failed, runs an exit task whatever has
become of the tasks before it, and runs none in a run that is terminated.

There are no pods, users, or nodes: node selectors, tolerations, service accounts and pull secrets
are accepted and left. A recurring run begins runs when a test says so; it has no clock.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import docker
import kfp_server_api
from docker.errors import APIError
from google.protobuf import json_format
from kfp.kubernetes import kubernetes_executor_config_pb2
from kfp.pipeline_spec import pipeline_spec_pb2
from kubernetes.utils.quantity import parse_quantity

EXIT = pipeline_spec_pb2.PipelineTaskSpec.TriggerPolicy.ALL_UPSTREAM_TASKS_COMPLETED
GRACE_SECONDS = 10
"""How long a container may take to end once it was told to; that of Kubernetes is 30."""

RUN_ID_PLACEHOLDER = re.escape("{" + "{$.pipeline_job_uuid}" + "}")

Executors = Mapping[str, kubernetes_executor_config_pb2.KubernetesExecutorConfig]


class Refused(Exception):
    """The API refuses a call."""

    def __init__(self, status: int, message: str) -> None:
        """Say why."""
        super().__init__(message)
        self.status = status


@dataclass
class Run:
    """A run, as the API shows it and as it is executed.

    Attributes:
        shown: What the API says of it.
        spec: The pipeline.
        executors: What is Kubernetes' own in it.
        tasks: What the API says of each task, in the order in which they started.
        containers: Those that run.
        logs: What containers have printed, by task.
        terminated: Whether it was told to end.
    """

    shown: dict[str, Any]
    spec: pipeline_spec_pb2.PipelineSpec
    executors: Executors
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    containers: dict[str, Any] = field(default_factory=dict)
    logs: dict[str, str] = field(default_factory=dict)
    terminated: threading.Event = field(default_factory=threading.Event)

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.shown["run_id"])

    def describe(self) -> dict[str, Any]:
        """Return what the API answers."""
        return {**self.shown, "run_details": {"task_details": [*self.tasks.values()]}}


class EmulatedKfp:
    """The API, and the cluster behind it.

    Attributes:
        runs: All runs, by id.
        recurring: All recurring runs, by id.
        secrets: The Secrets of the namespace, by name.
        loses: How many of the next runs are begun without an answer.
    """

    def __init__(
        self,
        volumes: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        secrets: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        """Describe the cluster.

        Args:
            volumes: Directories of this machine that all containers see, at the same paths.
            environment: Variables of all containers, as their image would have them.
            secrets: The Secrets of the namespace.
        """
        self.client = docker.DockerClient.from_env(timeout=600)
        self.volumes = [f"{volume}:{volume}" for volume in volumes]
        self.environment = dict(environment or {})
        self.secrets = dict(secrets or {})
        self.runs: dict[str, Run] = {}
        self.recurring: dict[str, dict[str, Any]] = {}
        self.experiments: dict[str, dict[str, Any]] = {}
        self.loses = 0
        self._threads = ThreadPoolExecutor(max_workers=256)

    # The API.

    def call(self, method: str, path: str, query: Mapping[str, str], body: Any) -> Any:
        """Answer a call.

        Raises:
            Refused: If it can't be answered.
        """
        kind, _, rest = path.removeprefix("/apis/v2beta1/").partition("/")
        name, _, verb = rest.partition(":")
        match method, kind, bool(name), verb:
            case "GET", "healthz", False, "":
                return {"multi_user": False}
            case "POST", "experiments", False, "":
                return self._add_experiment(_checked(kfp_server_api.V2beta1Experiment, body))
            case "GET", "experiments", False, "":
                found = [e for e in self.experiments.values() if _fits(e, query)]
                return {"experiments": found} if found else {}
            case "POST", "runs", False, "":
                run = self.begin(_checked(kfp_server_api.V2beta1Run, body))
                if self.loses:
                    self.loses -= 1
                    raise Refused(503, "the answer is lost on purpose")
                return run.describe()
            case "GET", "runs", False, "":
                return {"runs": [r.describe() for r in self.runs.values() if _fits(r.shown, query)]}
            case "GET", "runs", True, "":
                return self._run(name).describe()
            case "DELETE", "runs", True, "":
                del self.runs[self._run(name).id]
                return {}
            case "POST", "runs", True, "terminate":
                self.terminate(self._run(name))
                return {}
            case "POST", "recurringruns", False, "":
                return self._add_recurring(_checked(kfp_server_api.V2beta1RecurringRun, body))
            case "DELETE", "recurringruns", True, "":
                if self.recurring.pop(name, None) is None:
                    raise Refused(404, f"there is no recurring run {name}")
                return {}
        raise Refused(501, f"{method} {path} is not emulated")

    def begin(self, request: Mapping[str, Any]) -> Run:
        """Begin a run."""
        self._experiment(request)
        spec, executors = read(request["pipeline_spec"])
        shown = {
            **{name: request[name] for name in ("display_name", "experiment_id")},
            "run_id": str(uuid4()),
            "state": "PENDING",
            "created_at": _now(),
        }
        run = Run(shown, spec, executors)
        self.runs[run.id] = run
        self._threads.submit(self._execute, run)
        return run

    def fire(self, recurring_run_id: str) -> Run:
        """Do what Kubeflow's clock would do."""
        request = self.recurring[recurring_run_id]
        return self.begin({**request, "display_name": f"{request['display_name']} {time.time()}"})

    def terminate(self, run: Run) -> None:
        """End a run."""
        if run.shown["state"] not in ("PENDING", "RUNNING"):
            raise Refused(400, f"run {run.id} is {run.shown['state']}")
        run.shown["state"] = "CANCELING"
        run.terminated.set()
        for container in list(run.containers.values()):
            self._threads.submit(self._stop, container)

    def close(self) -> None:
        """End all that runs."""
        for run in self.runs.values():
            with suppress(Refused):
                self.terminate(run)
        self._threads.shutdown()
        self.client.close()

    def _add_experiment(self, request: dict[str, Any]) -> dict[str, Any]:
        made = {**request, "experiment_id": str(uuid4()), "created_at": _now()}
        return self.experiments.setdefault(made["experiment_id"], made)

    def _add_recurring(self, request: dict[str, Any]) -> dict[str, Any]:
        self._experiment(request)
        read(request["pipeline_spec"])
        fields = request["trigger"]["cron_schedule"]["cron"].split()
        if len(fields) != 6 or "7" in fields[-1]:
            raise Refused(400, f"the schedule {' '.join(fields)!r} is not understood")
        made = {**request, "recurring_run_id": str(uuid4()), "status": "ENABLED"}
        return self.recurring.setdefault(made["recurring_run_id"], made)

    def _experiment(self, request: Mapping[str, Any]) -> None:
        if request.get("experiment_id") not in self.experiments:
            raise Refused(404, f"there is no experiment {request.get('experiment_id')}")

    def _run(self, run_id: str) -> Run:
        if run_id not in self.runs:
            raise Refused(404, f"there is no run {run_id}")
        return self.runs[run_id]

    # The cluster.

    def _execute(self, run: Run) -> None:
        if not run.terminated.is_set():
            run.shown["state"] = "RUNNING"
        succeeded = self._run_dag(run, run.spec.root.dag)
        ended = "SUCCEEDED" if succeeded else "FAILED"
        run.shown |= {
            "state": "CANCELED" if run.terminated.is_set() else ended,
            "finished_at": _now(),
        }

    def _run_dag(self, run: Run, dag: pipeline_spec_pb2.DagSpec) -> bool:
        """Run the tasks of a DAG; say whether all have succeeded."""
        hooks = {n: t for n, t in dag.tasks.items() if t.trigger_policy.strategy == EXIT}
        waiting = {n: t for n, t in dag.tasks.items() if n not in hooks}
        done: set[str] = set()
        running: dict[Future[bool], str] = {}
        failed = False
        while True:
            if failed or run.terminated.is_set():
                waiting.clear()
            for name, task in list(waiting.items()):
                if done.issuperset(task.dependent_tasks):
                    del waiting[name]
                    running[self._threads.submit(self._run_task, run, name, task)] = name
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                name = running.pop(future)
                if future.result():
                    done.add(name)
                else:
                    failed = True
                if not run.terminated.is_set():
                    for hook, task in hooks.items():
                        if name in task.dependent_tasks:
                            self._run_task(run, hook, task)
        return not failed and not run.terminated.is_set()

    def _run_task(self, run: Run, name: str, task: pipeline_spec_pb2.PipelineTaskSpec) -> bool:
        shown = {"display_name": name, "state": "RUNNING", "task_id": str(uuid4())}
        run.tasks[name] = {**shown, "run_id": run.id, "create_time": _now()}
        component = run.spec.components[task.component_ref.name]
        try:
            if component.HasField("dag"):
                succeeded = self._run_dag(run, component.dag)
            else:
                succeeded = self._run_container(run, name, component.executor_label)
        except Exception as error:
            run.logs[name] = repr(error)
            succeeded = False
        run.tasks[name] |= {"state": "SUCCEEDED" if succeeded else "FAILED", "end_time": _now()}
        return succeeded

    def _run_container(self, run: Run, name: str, label: str) -> bool:
        deployment = json_format.ParseDict(
            json_format.MessageToDict(run.spec.deployment_spec),
            pipeline_spec_pb2.PipelineDeploymentConfig(),
        )
        wanted = deployment.executors[label].container
        resources = wanted.resources
        limits: dict[str, Any] = {}
        if cpu := resources.resource_cpu_limit:
            limits["nano_cpus"] = int(parse_quantity(cpu) * 10**9)
        if memory := resources.resource_memory_limit:
            limits["mem_limit"] = int(parse_quantity(memory))
        container = self.client.containers.create(
            wanted.image,
            list(wanted.args),
            entrypoint=list(wanted.command),
            environment={**self.environment, **self._environment(run, label, wanted.env)},
            volumes=self.volumes,
            network_mode="host",
            init=True,
            **limits,
        )
        run.containers[name] = container
        try:
            if run.terminated.is_set():
                return False
            container.start()
            if run.terminated.is_set():
                self._stop(container)
            succeeded = container.wait()["StatusCode"] == 0
            run.logs[name] = container.logs().decode(errors="replace")
        finally:
            del run.containers[name]
            container.remove(force=True)
        return bool(succeeded)

    def _environment(self, run: Run, label: str, variables: Any) -> dict[str, str]:
        environment = {
            variable.name: re.sub(RUN_ID_PLACEHOLDER, run.id, variable.value)
            for variable in variables
        }
        for secret in run.executors[label].secret_as_env if label in run.executors else ():
            values = self.secrets[secret.secret_name]
            environment |= {pair.env_var: values[pair.secret_key] for pair in secret.key_to_env}
        return environment

    def _stop(self, container: Any) -> None:
        with suppress(APIError):  # It has ended, or not started.
            container.stop(timeout=GRACE_SECONDS)


@contextmanager
def serving(kfp: EmulatedKfp) -> Iterator[str]:
    """Answer by HTTP.

    Args:
        kfp: What answers.

    Yields:
        The address.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, kfp))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        kfp.close()
        server.shutdown()
        server.server_close()


def read(document: Mapping[str, Any]) -> tuple[pipeline_spec_pb2.PipelineSpec, Executors]:
    """Read a compiled pipeline, with the definitions that it was compiled by.

    Raises:
        Refused: If it is none.
    """
    own = document.get("pipeline_spec", document)
    kubernetes = document.get("platform_spec", {}).get("platforms", {}).get("kubernetes", {})
    given = kubernetes.get("deploymentSpec", {}).get("executors", {})
    try:
        spec = json_format.ParseDict(own, pipeline_spec_pb2.PipelineSpec())
        executors = {
            label: json_format.ParseDict(
                config, kubernetes_executor_config_pb2.KubernetesExecutorConfig()
            )
            for label, config in given.items()
        }
    except json_format.ParseError as error:
        raise Refused(400, f"it is no pipeline: {error}") from error
    return spec, executors


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, kfp: EmulatedKfp, *args: Any) -> None:
        self.kfp = kfp
        super().__init__(*args)

    def handle_call(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(size)) if size else None
        address = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        try:
            status, answer = 200, self.kfp.call(self.command, address.path, query, body)
        except Refused as refusal:
            status, answer = refusal.status, {"code": refusal.status, "message": str(refusal)}
        sent = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    do_GET = do_POST = do_DELETE = handle_call

    def log_message(self, *_: Any) -> None:
        pass


def _checked(model: Any, body: Any) -> dict[str, Any]:
    """Refuse a body that Swagger does not describe."""
    if not isinstance(body, dict) or (unknown := body.keys() - set(model.attribute_map.values())):
        raise Refused(400, f"{model.__name__} has no fields {unknown}")
    return body


def _fits(shown: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    """Say whether something passes the filter of a list."""
    for predicate in json.loads(query.get("filter") or "{}").get("predicates", ()):
        if predicate["operation"] not in (1, "EQUALS"):
            raise Refused(501, f"the filter {predicate} is not emulated")
        if shown.get(predicate["key"]) != predicate["stringValue"]:
            return False
    return True


def _now() -> str:
    return datetime.now(timezone.utc).isoformat()
