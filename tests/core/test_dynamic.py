"""Dynamic pipelines, and the steps that have jobs of their own."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import pytest
from zenml import CommandStep, pipeline
from zenml.client import Client
from zenml.enums import ExecutionStatus, StepRuntime
from zenml.models import PipelineRunResponse, PipelineRunUpdate
from zenml.orchestrators.step_runner import StepRunner
from zenml.utils.run_utils import refresh_run_status

from zenml_conformance.core.coordinator import CoordinatorTopology
from zenml_conformance.core.jobs import ORCHESTRATION, JobState

from .acme import InlineOrchestrator
from .inline_backend import InlineBackend
from .pipelines import HOOKS, doubled, events, isolated
from .runs import last_run, run, start, statuses

# The topology is for static pipelines.
pytestmark = pytest.mark.parametrize("topology", [CoordinatorTopology], indirect=True)


@pipeline(dynamic=True, enable_cache=False)
def command(code: str) -> None:
    """A step that is no Python function."""
    shell = CommandStep(name="shell", command=["/bin/sh", "-c", code])
    shell.with_options(runtime=StepRuntime.ISOLATED)()


def retry(failed: PipelineRunResponse) -> PipelineRunResponse:
    """Do what `zenml pipeline runs retry` does."""
    client = Client()
    assert failed.snapshot is not None
    client.zen_store.update_run(failed.id, PipelineRunUpdate(status=ExecutionStatus.RESUMING))
    stack = client.active_stack
    snapshot = client.get_snapshot(failed.snapshot.id)
    stack.orchestrator.resume_run(snapshot=snapshot, run=failed, stack=stack)
    return client.get_pipeline_run(failed.id)


def test_a_pipeline_that_finds_out_as_it_goes(backend: InlineBackend) -> None:
    """Its function runs in one job, its steps in the same, within its hooks."""
    events.clear()
    ended = run(doubled.with_options(parameters={"times": 2}, **HOOKS))
    assert statuses(ended) == {"": "completed", "one": "completed"} | {
        "add": "completed",
        "add_2": "completed",
    }
    assert ended.orchestrator_run_id == str(ended.id)
    assert [job.labels["role"] for job in backend.jobs.values()] == [ORCHESTRATION]
    assert events == ["init", "cleanup"]


def test_a_failure_is_the_outcome_of_the_run_and_no_error_of_the_client(
    backend: InlineBackend,
) -> None:
    """The hook that cleans up is called all the same."""
    events.clear()
    ended = run(doubled.with_options(parameters={"times": 2, "limit": 3}, **HOOKS))
    assert (statuses(ended)[""], statuses(ended)["fail"]) == ("failed", "failed")
    assert events == ["init", "cleanup"]


def test_an_isolated_step_has_its_own_job_and_resources(backend: InlineBackend) -> None:
    """The pipeline's go to the job that runs its function, and so they do to its steps."""
    resources = {"resources": {"cpu_count": 0.5, "memory": "1GiB"}}
    ended = run(isolated.with_options(settings=resources))
    assert set(statuses(ended).values()) == {"completed"}
    assert ended.steps["apart"].output.load() == 2
    assert backend.steps().keys() == {"one", "apart"}
    assert {(job.cpu, job.memory) for job in backend.jobs.values()} == {(0.5, 2**30)}
    job = backend.steps()["apart"]
    assert ended.steps["apart"].run_metadata["step_job"] == job.name
    assert ended.steps["apart"].run_metadata["log_location"] == f"/logs/{job.name}"
    (orchestration,) = backend.control_jobs()
    assert job.environment.keys() >= orchestration.environment.keys()


@pytest.mark.parametrize(("code", "outcome"), [("exit 0", "completed"), ("exit 3", "failed")])
def test_a_command_is_run_as_it_is(backend: InlineBackend, code: str, outcome: str) -> None:
    """No code of ZenML runs in it, so its exit code is what tells."""
    ended = run(command.with_options(parameters={"code": code}))
    assert statuses(ended) == {"": outcome, "shell": outcome}
    assert backend.steps()["shell"].command == ("/bin/sh", "-c", code)


@pytest.mark.parametrize("fault", ["never_start", "held"])
def test_an_isolated_step_that_never_reports_fails(backend: InlineBackend, fault: str) -> None:
    """Its job has ended, or is cancelled because it will never start."""
    setattr(backend, fault, {"apart"})
    assert statuses(run(isolated)) == {"": "failed", "one": "completed", "apart": "failed"}


def test_an_isolated_step_runs_once(
    backend: InlineBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if the system starts its job again, which Kubernetes does after an eviction."""
    run_step = StepRunner.run
    begun: list[str] = []
    again: list[str] = []

    def run_twice(self: StepRunner, **fields: Any) -> None:
        begun.append(fields["step_run"].name)
        if begun.count("apart") == 1 and not again:
            again.append(backend.submit(replace(backend.steps()["apart"], name="again")))
        run_step(self, **fields)

    monkeypatch.setattr(StepRunner, "run", run_twice)
    assert statuses(run(isolated))["apart"] == "completed"
    assert [backend.states[job_id] for job_id in again] == [JobState.FAILED]
    assert begun.count("apart") == 1


def test_what_the_runner_is_told_of_an_isolated_step(backend: InlineBackend) -> None:
    """The words that it acts on, from an instance that knows nothing but the record."""
    step = run(isolated).steps["apart"]
    job_id = backend.steps()["apart"].name
    orchestrator = Client().active_stack.orchestrator
    told = {}
    for state in JobState:
        backend.states[job_id] = state
        told[state] = orchestrator.get_isolated_step_status(step)
    assert told.pop(JobState.QUEUED) == ExecutionStatus.PROVISIONING
    assert told.pop(JobState.HELD) == ExecutionStatus.PROVISIONING
    assert told.pop(JobState.RUNNING) == ExecutionStatus.RUNNING
    assert set(told.values()) == {ExecutionStatus.COMPLETED}  # As the record says.

    backend.states[job_id] = JobState.HELD
    orchestrator.get_isolated_step_status(step)
    assert backend.states[job_id] == JobState.CANCELLED  # Or the runner would wait for ever.

    backend.states[job_id] = JobState.RUNNING
    orchestrator.stop_isolated_step(step)
    assert backend.states[job_id] == JobState.CANCELLED
    backend.states.clear()
    orchestrator.stop_isolated_step(step)
    orchestrator.cleanup_isolated_step(step)
    assert not backend.states


def test_a_dead_pipeline_is_ended_by_a_refresh_and_can_be_retried(backend: InlineBackend) -> None:
    """The second attempt belongs to the same run, and is another job."""
    backend.never_start = {ORCHESTRATION}
    start(isolated)
    refresh_run_status(last_run())
    failed = last_run()
    assert statuses(failed) == {"": "failed"}
    assert "could not start" in str(failed.exception_info)

    backend.never_start.clear()
    again = retry(failed)
    assert set(statuses(again).values()) == {"completed"}
    assert again.orchestrator_run_id == failed.orchestrator_run_id
    first, second = backend.control_jobs()
    assert first.name != second.name
    assert again.run_metadata["control_job"] == second.name


def test_a_rejected_pipeline_is_an_error_of_the_submission(backend: InlineBackend) -> None:
    """The backend's own words reach the user, and the run has ended."""
    backend.refuse = {ORCHESTRATION}
    with pytest.raises(RuntimeError, match="the queue is closed"):
        run(isolated)
    assert statuses(last_run()) == {"": "failed"}


def test_an_isolated_step_that_can_not_be_registered_is_cancelled(
    backend: InlineBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No process could find its job again."""

    def fail(*_: object) -> None:
        raise ConnectionError("the store is away")

    backend.queued = {"apart"}
    monkeypatch.setattr(InlineOrchestrator, "register_isolated_step", fail)
    assert statuses(run(isolated))[""] == "failed"
    assert backend.states[backend.steps()["apart"].name] == JobState.CANCELLED


def test_the_function_runs_in_the_clients_python(backend: InlineBackend) -> None:
    """That one has ZenML and this package."""
    run(isolated)
    assert {(job.command[0], job.image) for job in backend.jobs.values()} == {
        (sys.executable, None)
    }


def test_the_function_runs_in_the_image_that_is_set(backend: InlineBackend) -> None:
    """With the Python that is on its path."""
    backend.queued = {ORCHESTRATION}
    settings = {"orchestrator": {"image": "an-image", "synchronous": False}}
    run(isolated.with_options(settings=settings))
    (job,) = backend.control_jobs()
    assert (job.command[0], job.image) == ("python", "an-image")
    assert "source_root" not in " ".join(job.command)
