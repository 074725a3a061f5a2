"""Dynamic pipelines, and the steps that have jobs of their own."""

from __future__ import annotations

# jinja: if cookiecutter.backend_pattern != "docker"
import sys

# jinja: endif
import pytest
from inline_backend import InlineBackend
from pipelines import doubled, events, isolated
from test_orchestrator import backend, last_run, run, statuses
from zenml import CommandStep, pipeline
from zenml.client import Client
from zenml.enums import ExecutionStatus, StepRuntime
from zenml.models import PipelineRunResponse, PipelineRunUpdate
from zenml.utils.run_utils import refresh_run_status

from example_pkg.job_factory import ORCHESTRATION
from example_pkg.jobs import Job, JobState
from example_pkg.orchestrator import AcmeOrchestrator

__all__ = ["backend"]  # A fixture, used by name.


@pipeline(dynamic=True, enable_cache=False)
def command(code: str) -> None:
    """A step that is no Python function."""
    shell = CommandStep(name="shell", command=["/bin/sh", "-c", code])
    shell.with_options(runtime=StepRuntime.ISOLATED)()


def orchestrations(backend: InlineBackend) -> list[Job]:
    """The jobs that run the function of a pipeline."""
    return [job for job in backend.jobs.values() if job.labels["role"] == ORCHESTRATION]


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
    ended = run(doubled.with_options(parameters={"times": 2}))
    assert statuses(ended) == {"": "completed", "one": "completed"} | {
        "add": "completed",
        "add_2": "completed",
    }
    assert ended.orchestrator_run_id == str(ended.id)
    assert len(backend.jobs) == 1
    assert events == ["init", "cleanup"]


def test_a_failure_is_the_outcome_of_the_run_and_no_error_of_the_client(
    backend: InlineBackend,
) -> None:
    """The hook that cleans up is called all the same."""
    events.clear()
    ended = run(doubled.with_options(parameters={"times": 2, "limit": 3}))
    assert (statuses(ended)[""], statuses(ended)["fail"]) == ("failed", "failed")
    assert events == ["init", "cleanup"]


def test_a_step_apart_has_its_own_job_and_resources(backend: InlineBackend) -> None:
    """The pipeline's go to the job that runs its function, and so they do to its steps."""
    resources = {"resources": {"cpu_count": 0.5, "memory": "1GiB"}}
    ended = run(isolated.with_options(settings=resources))
    assert set(statuses(ended).values()) == {"completed"}
    assert ended.steps["apart"].output.load() == 2
    assert backend.steps().keys() == {"one", "apart"}
    assert {(job.cpu, job.memory) for job in backend.jobs.values()} == {(0.5, 2**30)}
    job = backend.steps()["apart"]
    assert ended.steps["apart"].run_metadata["step_job"] == job.name
    assert job.environment.keys() >= orchestrations(backend)[0].environment.keys()


@pytest.mark.parametrize(("code", "outcome"), [("exit 0", "completed"), ("exit 3", "failed")])
def test_a_command_is_run_as_it_is(backend: InlineBackend, code: str, outcome: str) -> None:
    """No code of ZenML runs in it, so its exit code is what tells."""
    ended = run(command.with_options(parameters={"code": code}))
    assert statuses(ended) == {"": outcome, "shell": outcome}
    assert backend.steps()["shell"].command == ("/bin/sh", "-c", code)


def test_a_step_apart_that_never_reports_fails(backend: InlineBackend) -> None:
    """Nobody would wait for ever for a job that the backend says is over."""
    backend.never_start = {"apart"}
    assert statuses(run(isolated)) == {"": "failed", "one": "completed", "apart": "failed"}


def test_what_the_runner_is_told_of_a_step_apart(backend: InlineBackend) -> None:
    """The words that it acts on, from an instance that knows nothing but the record."""
    step = run(isolated).steps["apart"]
    job_id = backend.steps()["apart"].name
    orchestrator = Client().active_stack.orchestrator
    told = {}
    for state in JobState:
        backend.states[job_id] = state
        told[state] = orchestrator.get_isolated_step_status(step)
    ended = ExecutionStatus.COMPLETED  # As the record says.
    assert told.pop(JobState.QUEUED) == ExecutionStatus.PROVISIONING
    assert told.pop(JobState.RUNNING) == ExecutionStatus.RUNNING
    assert set(told.values()) == {ended}

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
    settings = {"orchestrator": {"synchronous": False}}
    run(isolated.with_options(settings=settings))
    refresh_run_status(last_run())
    failed = last_run()
    assert statuses(failed) == {"": "failed"}
    assert "could not start" in str(failed.exception_info)

    backend.never_start.clear()
    again = retry(failed)
    assert set(statuses(again).values()) == {"completed"}
    assert again.orchestrator_run_id == failed.orchestrator_run_id
    first, second = orchestrations(backend)
    assert first.name != second.name
    assert again.run_metadata["controller_job"] == second.name


def test_a_rejected_pipeline_is_an_error_of_the_submission(backend: InlineBackend) -> None:
    """The backend's own words reach the user, and the run has ended."""
    backend.refuse = {ORCHESTRATION}
    with pytest.raises(RuntimeError, match="the queue is closed"):
        run(isolated)
    assert statuses(last_run()) == {"": "failed"}


# jinja: if cookiecutter.backend_pattern == "docker"
def test_jobs_run_in_the_image_that_is_configured(backend: InlineBackend) -> None:
    """With the Python that is on the path there."""
    run(isolated)
    found = {(job.command[0], job.image) for job in backend.jobs.values()}
    assert found == {("python", "an-image")}
    assert isinstance(Client().active_stack.orchestrator, AcmeOrchestrator)
    # jinja: else


def test_the_function_runs_in_the_clients_python(backend: InlineBackend) -> None:
    """That one has ZenML and this package. In an image, it is the one on the path."""
    run(isolated)
    assert {job.command[0] for job in backend.jobs.values()} == {sys.executable}
    assert orchestrations(backend)[0].image is None
    assert isinstance(Client().active_stack.orchestrator, AcmeOrchestrator)
    # jinja: endif
