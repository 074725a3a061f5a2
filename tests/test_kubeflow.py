"""The pattern `kubeflow` on an emulated KFP API, whose tasks are containers of a real engine.

The last test has Kubeflow's own local runner run a pipeline.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from docker.errors import APIError, NotFound
from docker.models.containers import Container
from kfp import components, local

from emulated_kfp import EmulatedKfp, Run, serving
from engines import Engines
from real_engine import (
    ENVIRONMENT,
    LISTEN,
    SHOW,
    SLEEP,
    GeneratedBackend,
    generated,
    needs,
    wait_for,
)

IMAGE = "docker.io/library/zenml-kit-base:latest"
"""By the name that Podman gives it: Kubeflow's local runner looks for no other."""

pytestmark = needs("DOCKER_HOST")


@pytest.fixture(scope="module", autouse=True)
def project(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A generated project, importable."""
    directory = tmp_path_factory.mktemp("kubeflow")
    with generated(engines, directory, "kubeflow", Kubeflow.name, "DOCKER_HOST") as project:
        yield project


class Kubeflow(GeneratedBackend):
    """A backend of the generated project's, and the emulated KFP API behind it."""

    name = "skiff"

    def __init__(self, api: EmulatedKfp, address: str) -> None:
        """Connect one to the other."""
        super().__init__(host=address, in_cluster_host=address)
        self.api = api
        labels = {"role": "step", "pipeline": "a-pipeline"}
        self.defaults = {"environment": ENVIRONMENT, "image": IMAGE, "labels": labels}

    def job(self, code: str, **fields: Any) -> Any:
        """Describe a job that runs a line of Python."""
        return super().job(code, **{"command": ("python", "-c", code), **fields})

    def submit_dag(self, jobs: Sequence[Any]) -> Run:
        """Submit jobs as a run."""
        return self.api.runs[self.backend.submit_dag(jobs)]

    def states(self, run: Run, jobs: Sequence[Any]) -> list[str]:
        """Wait for the end of a run; say how it and its steps have ended."""
        self.end(run.id)
        ids = [run.id, *(self.backend.id_in_dag(run.id, job) for job in jobs)]
        return [state.value for state in self.backend.statuses(ids).values()]

    def wait_for_container(self, run: Run, job: Any) -> Any:
        """Wait until a job prints; return its container."""

        def prints() -> bool:
            container = run.containers.get(job.name)
            return container is not None and bool(container.logs())

        wait_for(f"output of {job.name}", prints, self.patience)
        return run.containers[job.name]


@pytest.fixture
def kubeflow() -> Iterator[Kubeflow]:
    """The emulated KFP API with a Secret, and a backend for it."""
    api = EmulatedKfp(secrets={"zenml": {"api-key": "of-a-secret"}})
    with serving(api) as address:
        yield Kubeflow(api, address)


def test_the_environment_arrives(kubeflow: Kubeflow) -> None:
    """Verbatim; with what a Secret holds, and the run id that Kubeflow fills in."""
    more = "; print(os.environ['ZENML_STORE_API_KEY'], os.environ['KFP_RUN_ID'])"
    settings = {"secret_environment": {"ZENML_STORE_API_KEY": "zenml/api-key"}}
    environment = {**ENVIRONMENT, "ZENML_STORE_API_TOKEN": "seen-by-nobody"}
    job = kubeflow.job(SHOW + more, settings=settings, environment=environment)
    kubeflow.backend.check(job)
    run = kubeflow.api.runs[kubeflow.backend.submit(job)]
    assert kubeflow.end(run.id) == "succeeded"
    assert run.logs[job.name].splitlines() == [ascii(ENVIRONMENT), f"of-a-secret {run.id}"]
    assert "seen-by-nobody" not in str(run.spec)


def test_a_run(kubeflow: Kubeflow) -> None:
    """Steps in their order; none after one that has failed; the last job whatever has happened."""
    first = kubeflow.job("print(1)")
    broken = kubeflow.job("exit(3)", depends_on=(first.name,))
    never = kubeflow.job("print(3)", depends_on=(broken.name,))
    steps = [first, broken, never]
    last = kubeflow.job("print('last')", depends_on=[job.name for job in steps], memory=2**27)
    run = kubeflow.submit_dag([*steps, last])
    ended = kubeflow.states(run, steps)
    assert ended == ["failed", "succeeded", "failed", "cancelled"]
    assert list(run.logs) == [first.name, broken.name, last.name]
    assert kubeflow.backend.find(last) == run.id
    assert run.id in kubeflow.backend.log_location(run.id)


def test_a_stop_ends_a_run(kubeflow: Kubeflow) -> None:
    """A job hears of it, and nothing else starts. One of its steps can't be ended alone."""
    step = kubeflow.job(LISTEN, cpu=0.5, memory=100 * 2**20 + 4096)
    last = kubeflow.job(SLEEP, depends_on=(step.name,))
    run = kubeflow.submit_dag([step, last])
    container = kubeflow.wait_for_container(run, step)
    container.reload()
    host = container.attrs["HostConfig"]
    assert (host["NanoCpus"], host["Memory"]) == (500_000_000, 100 * 2**20 + 4096)
    kubeflow.backend.cancel(kubeflow.backend.id_in_dag(run.id, step))
    assert kubeflow.backend.status(run.id).value == "running"
    kubeflow.backend.cancel(run.id)
    kubeflow.backend.cancel(run.id)
    assert kubeflow.states(run, [step]) == ["cancelled", "failed"]
    assert run.logs.keys() == {step.name}
    assert "told" in run.logs[step.name]


def test_a_lost_answer(kubeflow: Kubeflow, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run is found by its name, and not begun twice."""
    monkeypatch.setattr(kubeflow.module("core.outages"), "PAUSES_SECONDS", (0,))
    kubeflow.api.loses = 1
    run_id = kubeflow.submit("pass")
    assert list(kubeflow.api.runs) == [run_id]


def test_a_schedule(kubeflow: Kubeflow) -> None:
    """Each firing is a run of its own, until the schedule is deleted, which may be repeated."""
    job = kubeflow.job("import os; print(os.environ['KFP_RUN_ID'])")
    schedule = kubeflow.backend.schedule(job, "30 6 * * 1-5")
    asked = kubeflow.api.recurring[schedule]
    assert asked["trigger"]["cron_schedule"]["cron"] == "0 30 6 * * 1-5"
    assert asked["no_catchup"]
    runs = [kubeflow.api.fire(schedule) for _ in range(2)]
    for run in runs:
        assert kubeflow.end(run.id) == "succeeded"
        assert run.logs[job.name].strip() == run.id
    kubeflow.backend.unschedule(schedule)
    kubeflow.backend.unschedule(schedule)
    assert not kubeflow.api.recurring


def test_an_api_that_is_gone(kubeflow: Kubeflow) -> None:
    """Jobs of a run that was deleted are gone for good; no answer says nothing."""
    assert kubeflow.backend.status("nonesuch/a-job").value == "unknown"
    kubeflow.backend.cancel("nonesuch")
    elsewhere = kubeflow.backend.config.model_copy(update={"host": "http://127.0.0.1:9"})
    jobs = kubeflow.module("core.jobs")
    with pytest.raises(jobs.UnavailableError, match="does not answer"):
        type(kubeflow.backend)(elsewhere).status("a-run")


def wait_as_docker_does(container: Container) -> Any:
    """Call a container that is gone not found, as the runner expects; Podman answers 500."""
    try:
        return container.client.api.wait(container.id)
    except APIError as error:
        if "no such container" not in str(error):
            raise
        raise NotFound("gone") from error


def test_the_local_runner(
    kubeflow: Kubeflow,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Kubeflow's own loader reads a pipeline, and its own runner runs it, in real containers.

    It gives them no environment, and knows neither the API nor its states.
    """
    # The runner looks at a container that removes itself: at its output, and then at how it ended.
    linger = "; import time; time.sleep(3)"
    first = kubeflow.job(f"print('the first', 'task', flush=True){linger}")
    last = kubeflow.job(f"print('the last', 'task', flush=True){linger}", depends_on=(first.name,))
    monkeypatch.setattr(Container, "wait", wait_as_docker_does)
    monkeypatch.chdir(tmp_path)
    local.init(local.DockerRunner(), pipeline_root=str(tmp_path), raise_on_error=True)
    compiled = kubeflow.module("pipeline").compiled
    with compiled([first, last], "http://127.0.0.1:9") as path:
        components.load_component_from_file(path)()
    printed = capsys.readouterr().out
    assert printed.index("the first task") < printed.index("the last task")
