"""ZenML's `kubeflow` orchestrator on an emulated Kubeflow Pipelines API.

The real SDK compiles the pipeline; its client's methods are replaced by those of `Pipelines`,
which runs the compiled form on the fake backend.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import kfp
import yaml
from kfp_server_api import ApiException
from urllib3.exceptions import HTTPError, ProtocolError
from zenml.orchestrators import BaseOrchestrator

from zenml_conformance.fake_backend import FakeBackend, JobState
from zenml_conformance.protocol import EngineError
from zenml_orchestrators.emulation import EmulatedHarness, let_components_look_remote
from zenml_orchestrators.executions import Executions

HOST = "https://kubeflow.conformance.invalid/pipeline"


class Pipelines:
    """What the SDK's client says and does, as far as ZenML asks."""

    def __init__(self, backend: FakeBackend, within_reach: bool) -> None:
        """Point at the backend.

        Args:
            backend: Runs the tasks.
            within_reach: Whether a refusal is an answer of the API; else nobody answers.
        """
        self.executions = Executions(backend, "zenml_orchestrators.kfp_ir:tasks_of")
        self.within_reach = within_reach

    def create_run(self, pipeline_file: str, run_name: str, **_: Any) -> SimpleNamespace:
        """Run a compiled pipeline."""
        try:
            return SimpleNamespace(run_id=self.executions.start(compiled(pipeline_file)))
        except EngineError as error:
            raise self._refusal(error) from error

    def create_recurring_run(self, **request: Any) -> SimpleNamespace:
        """Have a compiled pipeline run again and again."""
        if not (request["cron_expression"] or request["interval_second"]):
            raise ValueError("Either interval_second or cron_expression is required.")
        minutes = max(1, (request["interval_second"] or 60) // 60)
        # The fake backend keeps times as five fields; an interval is near enough to one.
        # Kubeflow's own expressions begin with a field for seconds, which may be left out.
        cron = request["cron_expression"] or f"*/{minutes} * * * *"
        five = " ".join(cron.split()[-5:])
        definition = compiled(request["pipeline_package_path"])
        try:
            schedule = self.executions.schedule(definition, five)
        except EngineError as error:
            raise self._refusal(error) from error
        return SimpleNamespace(recurring_run_id=schedule)

    def wait(self, run_id: str, timeout: float, **_: Any) -> None:
        """Wait for the end of a run, whatever it is."""
        deadline = time.monotonic() + timeout
        while self.executions.state(run_id) is JobState.RUNNING:
            if time.monotonic() > deadline:
                raise TimeoutError(f"run {run_id} has not ended within {timeout} s")
            ids = list(self.executions.tasks(run_id).values())
            self.executions.backend.wait_for_change(ids, timeout=1)

    def _refusal(self, error: EngineError) -> ApiException | HTTPError:
        if self.within_reach:
            return ApiException(status=403, reason=str(error))
        return ProtocolError(HOST, error)


def compiled(path: str) -> dict[str, Any]:
    """Read a compiled pipeline.

    Args:
        path: Where the SDK's compiler wrote it.

    Returns:
        Its IR.
    """
    pipeline = next(iter(yaml.safe_load_all(Path(path).read_text(encoding="utf-8"))))
    ir: dict[str, Any] = json.loads(json.dumps(pipeline))
    return ir


class KubeflowHarness(EmulatedHarness):
    """Connects ZenML's `kubeflow` orchestrator through an emulated client."""

    # Tasks get their names from the SDK, pods from Argo; what can be wrong are the components'.
    within_reach = True

    def config(self) -> dict[str, Any]:
        """Give what the component needs; nobody listens there."""
        return {"kubeflow_hostname": HOST, "synchronous": True, "timeout": 1200}

    def connect(self, orchestrator_class: type[BaseOrchestrator], backend: FakeBackend) -> None:
        """Replace the methods of the SDK's client."""
        pipelines = Pipelines(backend, self.within_reach)
        experiment = SimpleNamespace(experiment_id="emulated")
        client: Any = kfp.Client
        client.__init__ = lambda self, **_: None
        client.create_run_from_pipeline_package = lambda self, file, **request: (
            pipelines.create_run(file, **request)
        )
        client.create_recurring_run = lambda self, **request: pipelines.create_recurring_run(
            **request
        )
        client.get_experiment = lambda self, *_, **__: experiment
        client.wait_for_run_completion = lambda self, **request: pipelines.wait(**request)
        let_components_look_remote()


class UnreachableKubeflowHarness(KubeflowHarness):
    """The same, where a refusal means that nobody answers."""

    within_reach = False
