"""What only a coordinator can do."""

from __future__ import annotations

import pytest
from inline_backend import InlineBackend
from pipelines import broken_branch, diamond
from test_orchestrator import backend, last_run, run, statuses
from zenml.client import Client
from zenml.enums import ExecutionMode
from zenml.utils.run_utils import stop_run

from example_pkg import coordinator
from example_pkg.jobs import JobState
from example_pkg.run_id import RUN_ID_VARIABLE

__all__ = ["backend"]  # A fixture, used by name.


def test_a_rejected_coordinator_is_an_error_of_the_submission(backend: InlineBackend) -> None:
    """The backend's own words reach the user, and the run has ended."""
    backend.refuse = {"coordinator"}
    with pytest.raises(RuntimeError, match="the queue is closed"):
        run(diamond)
    assert statuses(last_run())[""] == "failed"


def test_the_store_outweighs_the_exit_code(backend: InlineBackend) -> None:
    """A step that has reported success has succeeded, whatever its process did next."""
    backend.die_afterwards = {"one", "left"}
    assert set(statuses(run(diamond)).values()) == {"completed"}


def test_a_step_that_is_not_accepted_fails(backend: InlineBackend) -> None:
    """The reason is the backend's; what needs the step is not submitted."""
    backend.refuse = {"left"}
    ended = run(diamond)
    assert statuses(ended)["left"] == "failed"
    assert "last" not in ended.steps
    assert "the queue is closed" in str(ended.steps["left"].exception_info)


@pytest.mark.parametrize("mode", [ExecutionMode.STOP_ON_FAILURE, ExecutionMode.FAIL_FAST])
def test_no_step_is_submitted_after_a_failure(backend: InlineBackend, mode: ExecutionMode) -> None:
    """In both modes: `last` needs both branches, and one of them never ends well."""
    backend.never_start = {"one"}
    assert statuses(run(diamond.with_options(execution_mode=mode)))[""] == "failed"
    assert backend.steps().keys() == {"one"}


def test_a_coordinator_that_is_started_again_goes_on(
    backend: InlineBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has succeeded is not run again."""
    asynchronous = {"orchestrator": {"synchronous": False}}
    backend.never_start = {"coordinator"}
    run(diamond.with_options(settings=asynchronous))
    interrupted = last_run()
    assert interrupted.snapshot is not None
    monkeypatch.setenv(RUN_ID_VARIABLE, str(interrupted.orchestrator_run_id))

    arguments = ["--snapshot_id", str(interrupted.snapshot.id)]
    coordinator.main(arguments)
    first = dict(backend.jobs)
    coordinator.main(arguments)
    assert set(statuses(last_run()).values()) == {"completed"}
    assert backend.jobs == first


def test_a_coordinator_of_a_stopped_run_submits_nothing(
    backend: InlineBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have been on its way when the run was stopped."""
    backend.hold = {"coordinator"}
    run(diamond.with_options(settings={"orchestrator": {"synchronous": False}}))
    stop_run(last_run())
    stopped = last_run()
    assert stopped.snapshot is not None
    monkeypatch.setenv(RUN_ID_VARIABLE, str(stopped.orchestrator_run_id))
    coordinator.main(["--snapshot_id", str(stopped.snapshot.id)])
    assert not backend.steps()
    assert statuses(last_run()) == {"": "stopped"}


def test_an_outage_of_the_backend_is_not_the_end(
    backend: InlineBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That a status can't be had says nothing about the job."""
    answers = iter([ConnectionError("down"), ConnectionError("down")])

    def status(job_id: str) -> JobState:
        if error := next(answers, None):
            raise error
        return backend.states[job_id]

    monkeypatch.setattr(backend, "status", status)
    assert set(statuses(run(diamond)).values()) == {"completed"}


def test_the_coordinator_holds_no_resources_of_a_step(backend: InlineBackend) -> None:
    """It waits most of the time; what the pipeline asks for is meant for each step."""
    resources = {"resources": {"cpu_count": 0.5, "memory": "1GiB"}}
    run(broken_branch.with_options(settings=resources))
    shares = {name: (job.cpu, job.memory) for name, job in backend.steps().items()}
    assert set(shares.values()) == {(0.5, 2**30)}
    others = [job for job in backend.jobs.values() if "step" not in job.labels]
    assert [(job.cpu, job.memory, job.gpus) for job in others] == [(None, None, None)]


def test_the_environment_of_a_step_is_that_which_zenml_computes(backend: InlineBackend) -> None:
    """The coordinator computes it anew: it must arrive at what the client would have used."""
    run(diamond.with_options(settings={"orchestrator": {"synchronous": True}}))
    client_side = next(job for job in backend.jobs.values() if "step" not in job.labels)
    zenml = {name for name in client_side.environment if name.startswith("ZENML_")}
    for job in backend.steps().values():
        assert zenml <= job.environment.keys()
        assert job.environment["ZENML_ACTIVE_STACK_ID"] == str(Client().active_stack_model.id)
