"""What the backend makes of the API's answers. `pytest --conformance-tier=live` asks a real one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import kfp
import pytest
from kfp_server_api import ApiException
from urllib3.exceptions import MaxRetryError

from example_pkg.backend import (
    AcmeBackend,
    with_seconds,
)
from example_pkg.config import AcmeOrchestratorConfig
from example_pkg.core.jobs import JobState, UnavailableError

HOST = "https://kubeflow.example.com/pipeline"
MARK = "seen-by-nobody"


class Client:
    """Stands in for the official client; answers what a test has said."""

    answer: Any = None
    terminated: tuple[str, ...] = ()

    def __init__(self, **arguments: Any) -> None:
        """Keep the way to the API."""
        self.arguments = arguments

    def get_run(self, run_id: str) -> Any:
        """Answer, or fail."""
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def terminate_run(self, run_id: str) -> None:
        """Note which run."""
        self.terminated += (run_id,)


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> AcmeBackend:
    """A backend with such a client."""
    monkeypatch.setattr(kfp, "Client", Client)
    config = AcmeOrchestratorConfig(host=HOST, token=MARK)
    return AcmeBackend(config)


def a_run(state: str | None, **tasks: str) -> SimpleNamespace:
    """Say what the API says of a run."""
    details = [SimpleNamespace(display_name=name, state=its) for name, its in tasks.items()]
    return SimpleNamespace(state=state, run_details=SimpleNamespace(task_details=details or None))


@pytest.mark.parametrize(
    ("answer", "run", "task"),
    [
        (a_run(None), "queued", "queued"),
        (a_run("PENDING"), "queued", "queued"),
        (a_run("RUNNING"), "running", "queued"),
        (a_run("RUNNING", train="RUNNING"), "running", "running"),
        (a_run("RUNNING", train="SUCCEEDED"), "running", "succeeded"),
        (a_run("CANCELING", train="RUNNING"), "running", "running"),
        (a_run("CANCELED", train="RUNNING"), "cancelled", "cancelled"),
        (a_run("FAILED"), "failed", "cancelled"),
        (a_run("FAILED", train="FAILED"), "failed", "failed"),
        (a_run("SUCCEEDED", train="SKIPPED"), "succeeded", "cancelled"),
        (ApiException(status=404), "unknown", "unknown"),
    ],
)
def test_states(backend: AcmeBackend, answer: Any, run: str, task: str) -> None:
    """A task that has not begun when its run has ended never will."""
    backend.api.client.answer = answer
    assert backend.statuses(["1", "1/train"]) == {"1": JobState(run), "1/train": JobState(task)}


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (ApiException(status=503, reason="busy"), UnavailableError, "fails: 503, busy"),
        (ApiException(status=401, reason="who?"), RuntimeError, "refuses: 401, who?"),
        (MaxRetryError(None, "/"), UnavailableError, "does not answer.*`host`"),
    ],
)
def test_errors(
    backend: AcmeBackend,
    answer: Exception,
    error: type[Exception],
    message: str,
) -> None:
    """One that may go away is told from one that will not."""
    backend.api.client.answer = answer
    with pytest.raises(error, match=message) as raised:
        backend.status("1")
    assert MARK not in str(raised.value)


def test_only_a_run_can_be_ended(backend: AcmeBackend) -> None:
    """And only once. One of its tasks ends with it."""
    client: Any = backend.api.client
    for state, job_id in (("RUNNING", "1/train"), ("CANCELING", "1"), ("SUCCEEDED", "1")):
        client.answer = a_run(state)
        backend.cancel(job_id)
    assert not client.terminated
    client.answer = a_run("RUNNING")
    backend.cancel("1")
    assert client.terminated == ("1",)


def test_a_pod_has_a_way_of_its_own(
    backend: AcmeBackend,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The client's address and token are not for it."""
    monkeypatch.setenv("KFP_RUN_ID", "1")
    monkeypatch.setenv("KF_PIPELINES_ENDPOINT", "http://ml-pipeline:8888")
    client: Any = backend.api.client
    assert client.arguments == {"host": "http://ml-pipeline:8888"}
    monkeypatch.delenv("KFP_RUN_ID")
    client = AcmeBackend(backend.config).api.client
    assert (client.arguments["host"], client.arguments["existing_token"]) == (HOST, MARK)


def test_a_cron_expression_gets_seconds() -> None:
    """Kubeflow's have six fields, and know Sunday as 0 only."""
    assert with_seconds("30 6 * * 1-5") == "0 30 6 * * 1-5"
    assert with_seconds("0 0 * * */7") == "0 0 0 * * */7"
    with pytest.raises(ValueError, match="calls it 7"):
        with_seconds("30 6 * * 5-7")
