"""The pattern `docker` on a real engine, which `DOCKER_HOST` leads to."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.errors import APIError

from engines import Engines
from real_engine import (
    DEAF,
    ENVIRONMENT,
    LISTEN,
    SHOW,
    SLEEP,
    GeneratedBackend,
    generated,
    needs,
    wait_for,
)

IMAGE = "zenml-kit-base"
RUN_ID = f"a-run-of-test-docker-{os.getpid()}"
"""Of this process alone: another one's containers are not for its tests to remove."""

ALLOCATE = "print('up', flush=True); data = bytearray(500_000_000); print('it fitted')"

pytestmark = needs("DOCKER_HOST")


@pytest.fixture(scope="module", autouse=True)
def project(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A generated project, importable."""
    directory = tmp_path_factory.mktemp("docker")
    with generated(engines, directory, "docker", Engine.name, "DOCKER_HOST") as project:
        yield project


class Engine(GeneratedBackend):
    """A backend of the generated project's, and what tests ask of it and of the engine."""

    name = "harbor"

    def __init__(self, **config: Any) -> None:
        """Make a backend.

        Args:
            **config: The configuration of the component.
        """
        super().__init__(**config)
        self.defaults["image"] = IMAGE
        self.client = docker.DockerClient.from_env()

    def job(self, code: str, **fields: Any) -> Any:
        """Describe a job that runs a line of Python."""
        labels = {"role": fields.pop("role", "step"), "run_id": RUN_ID}
        return super().job(code, **{"command": ("python", "-c", code), "labels": labels, **fields})

    def inspect(self, job_id: str) -> dict[str, Any]:
        """What the engine says of a job's container."""
        attributes: dict[str, Any] = self.client.api.inspect_container(job_id.rpartition("/")[2])
        return attributes

    def left(self) -> list[Any]:
        """The containers that there are, of whatever state.

        Each as the list shows it. Podman answers 500 to a question about one that it is removing,
        and docker-py's `ignore_removed` expects 404.
        """
        filters = {"label": f"zenml.run_id={RUN_ID}"}
        return list(self.client.containers.list(all=True, filters=filters, sparse=True))

    def leaves_nothing(self) -> None:
        """Wait until no container is left; removing one takes the engine a moment."""
        wait_for("the removal of the last container", lambda: not self.left(), self.patience)


@pytest.fixture
def engine() -> Iterator[Engine]:
    """The engine; cleared of what a test leaves in it."""
    engine = Engine(stop_grace_seconds=2)
    yield engine
    for container in engine.left():
        with suppress(APIError):  # The engine may be removing it by itself.
            container.remove(force=True)
    engine.leaves_nothing()


def test_the_environment_arrives_verbatim(engine: Engine) -> None:
    """Quotes, newlines, nothing at all, and a great deal; and nothing of it stays behind."""
    job_id = engine.submit(SHOW)
    assert engine.end(job_id) == "succeeded"
    assert engine.printed(job_id).strip() == ascii(ENVIRONMENT)
    engine.leaves_nothing()


def test_the_environment_is_on_no_command_line(engine: Engine, home: Path) -> None:
    """Nor in a label, nor in a file of the user's; the engine's socket is not for everybody."""
    mark = "seen-by-nobody-else"
    job_id = engine.submit(SLEEP, environment={"TOKEN": mark})
    engine.wait_for_output(job_id)
    commands = subprocess.run(["ps", "-eww", "-o", "args"], capture_output=True, text=True).stdout
    assert mark not in commands
    shown = engine.inspect(job_id)
    assert mark not in str(shown["Config"]["Labels"])
    assert mark in str(shown["Config"]["Env"])  # As docs/docker.md says.
    files = [path for path in home.rglob("*") if path.is_file()]
    assert not [path for path in files if mark.encode() in path.read_bytes()]


def test_an_end_that_the_engine_does_not_tell_of_is_noticed(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not how it has ended: by then the container is gone."""
    monkeypatch.setattr(engine.backend, "_hear", lambda container: None)
    job_id = engine.submit("print('done')")
    engine.leaves_nothing()
    engine.backend.wait([job_id], 0.1)
    assert engine.backend.status(job_id).value == "unknown"


def test_a_container_of_another_engine_is_not_taken_for_dead(engine: Engine) -> None:
    """Who reaches another engine only, such as a ZenML server, is told where to go."""
    elsewhere = f"elsewhere:{RUN_ID}/a-job"
    for method in (engine.backend.status, engine.backend.cancel):
        with pytest.raises(RuntimeError, match="containers of the engine on elsewhere"):
            method(elsewhere)


def test_limits_are_the_engines(engine: Engine) -> None:
    """As it has understood them, together with what else was said."""
    settings = {"labels": {"team": "a"}, "run_args": {"shm_size": "70m"}, "network": "none"}
    job_id = engine.submit(SLEEP, cpu=1.5, memory=100 * 2**20 + 4096, settings=settings)
    shown = engine.inspect(job_id)
    host = shown["HostConfig"]
    assert host["NanoCpus"] == 1_500_000_000
    assert host["Memory"] == host["MemorySwap"] == 100 * 2**20 + 4096
    assert engine.recorded(job_id) == (1.5, 100 * 2**20 + 4096, 0)
    assert engine.recorded(engine.submit(SLEEP)) == (None, None, 0)
    assert host["ShmSize"] == 70 * 2**20
    assert host["NetworkMode"] == "none"
    assert host["RestartPolicy"]["Name"] in ("", "no")
    assert {"team": "a", "zenml.role": "step"}.items() <= shown["Config"]["Labels"].items()


def test_more_memory_than_asked_for_is_the_end(engine: Engine) -> None:
    """The backend says why."""
    job_id = engine.submit(ALLOCATE, memory=100 * 2**20)
    assert engine.end(job_id) == "failed"
    assert "it fitted" not in engine.printed(job_id)
    assert f"more than the {100 * 2**20} bytes" in engine.backend.reason(job_id)
    engine.leaves_nothing()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"cpu": 10_000}, "asks for 10000 CPUs, and the engine has"),
        ({"memory": 2**50}, f"asks for {2**50} bytes, and the engine has"),
        ({"image": None}, "no image"),
        ({"image": "registry.invalid/nonesuch"}, "does not have the image registry.invalid"),
        ({"settings": {"run_args": {"ulimits": "many"}}}, "docker-py does not take"),
    ],
)
def test_what_can_never_run_is_refused(
    engine: Engine, fields: dict[str, Any], message: str
) -> None:
    """Before any container is made."""
    with pytest.raises(ValueError, match=message):
        engine.backend.check(engine.job(SLEEP, **fields))


def test_gpus_are_refused_where_they_would_be_ignored(engine: Engine) -> None:
    """By Podman, whose answer would be a container without any."""
    components = engine.client.version()["Components"]
    if "podman" not in str(components).lower():
        pytest.skip("this engine is not Podman")
    with pytest.raises(ValueError, match="Podman ignores"):
        engine.backend.check(engine.job(SLEEP, gpus=1))


def test_a_container_that_does_not_start_is_not_left_behind(engine: Engine) -> None:
    """The engine has made it before it notices that the network is missing, or the program."""
    with pytest.raises(docker.errors.APIError):
        engine.submit(SLEEP, settings={"network": "nonesuch"})
    engine.leaves_nothing()


def test_a_cancelled_job_can_tidy_up(engine: Engine) -> None:
    """SIGTERM reaches Python itself. To cancel twice is harmless."""
    job_id = engine.submit(LISTEN)
    engine.wait_for_output(job_id)
    engine.backend.cancel(job_id)
    engine.backend.cancel(job_id)
    assert engine.end(job_id) == "cancelled"
    assert "told" in engine.printed(job_id)
    engine.leaves_nothing()


def test_a_cancelled_job_that_does_not_listen_is_killed(engine: Engine) -> None:
    """When its time is up."""
    job_id = engine.submit(DEAF)
    engine.wait_for_output(job_id)
    engine.backend.cancel(job_id)
    assert engine.end(job_id) == "cancelled"
    engine.leaves_nothing()


def test_a_cancelled_job_that_has_not_begun_to_listen_ends_at_once() -> None:
    """As the first process of its container it would be deaf, as long as it imports."""
    engine = Engine(stop_grace_seconds=3600)
    job_id = engine.submit(SLEEP)
    engine.wait_for_output(job_id)
    engine.backend.cancel(job_id)
    assert engine.end(job_id) == "cancelled"


def test_steps_wait_for_their_turn() -> None:
    """One that is cancelled while it waits never starts."""
    engine = Engine(max_parallel_steps=1)
    first, second, third = (engine.submit("print('up')") for _ in range(3))
    assert engine.backend.status(third).value == "queued"
    engine.backend.cancel(second)
    assert [engine.end(job_id) for job_id in (first, second, third)] == [
        *("succeeded", "cancelled", "succeeded"),
    ]
    assert not engine.printed(second)
    engine.leaves_nothing()


def test_only_what_submits_jobs_may_speak_to_the_engine(engine: Engine) -> None:
    """The socket is mounted there alone."""
    socket = engine.backend.config.socket
    reach = f"import os; print(os.path.exists({socket!r}), os.environ.get('DOCKER_HOST'))"
    step, coordinator = engine.submit(reach), engine.submit(reach, role="coordinator")
    assert {engine.end(step), engine.end(coordinator)} == {"succeeded"}
    assert engine.printed(coordinator).split() == ["True", f"unix://{socket}"]
    assert engine.printed(step).split() == ["False", "None"]


def test_nothing_is_left_by_a_job_whose_submitter_is_gone(engine: Engine) -> None:
    """Another process sees that it runs, can stop it, and sees that it has ended."""
    job_id = engine.submit(LISTEN)
    engine.wait_for_output(job_id)
    other = Engine()
    assert other.backend.status(job_id).value == "running"
    other.backend.cancel(job_id)
    assert other.end(job_id) == "unknown"
    assert "told" in other.printed(job_id)
    other.leaves_nothing()


def test_a_job_that_the_engine_does_not_know(engine: Engine) -> None:
    """It is gone for good; another process could not know more. It may be cancelled."""
    nonesuch = f"{engine.client.info()['Name']}:{RUN_ID}/nonesuch"
    engine.backend.cancel(nonesuch)
    assert engine.backend.status(nonesuch).value == "unknown"
