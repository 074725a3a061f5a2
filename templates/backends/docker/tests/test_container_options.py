"""Jobs in the words of Docker's API. No engine is asked.

`pytest --conformance-tier=live` is the test on one.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from example_pkg.config import (
    AcmeOrchestratorConfig,
    AcmeOrchestratorSettings,
)
from example_pkg.container_options import (
    container_options,
    resource_options,
)
from example_pkg.core.jobs import Job

LOG = Path("/logs/run/a-job.log")


def a_job(chosen: dict[str, Any] | None = None, **fields: Any) -> Job:
    """Describe a job by what a test is about."""
    settings = AcmeOrchestratorSettings(**(chosen or {}))
    known = {"name": "a-job", "command": ("train", "it's"), "environment": {"A": "1"}}
    return Job(**{**known, "settings": settings, **fields})


def options(chosen: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """Translate such a job, for an engine on this machine."""
    return container_options(a_job(chosen, **fields), LOG, rootless=False)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {}),
        ({"cpu": 1.5}, {"nano_cpus": 1_500_000_000}),
        ({"memory": 2**30 + 1}, {"mem_limit": 2**30 + 1, "memswap_limit": 2**30 + 1}),
        ({"gpus": 0}, {}),
    ],
)
def test_resources(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    """Exactly, and nothing that was not asked for."""
    assert resource_options(a_job(**fields)) == expected


@pytest.mark.parametrize(
    ("ids", "count", "taken"), [([], 2, None), (["3", "GPU-f00", "5"], 0, ["3", "GPU-f00"])]
)
def test_gpus(ids: list[str], count: int, taken: list[str] | None) -> None:
    """As many as were asked for, or those that were named."""
    (request,) = resource_options(a_job({"gpu_device_ids": ids}, gpus=2))["device_requests"]
    assert (request.count or 0, request.device_ids or None) == (count, taken)
    assert request.capabilities == [["gpu"]]


def test_the_command_stands_alone() -> None:
    """Words stay what they are, and what the environment holds is not among them."""
    made = options()
    assert made["entrypoint"][-1] == str(LOG)
    assert made["command"] == ["train", "it's"]
    assert made["environment"] == {"A": "1"}
    assert "A" not in str(made["labels"])


def test_one_attempt() -> None:
    """A container that fails is not started again, whatever the engine's default."""
    assert options()["restart_policy"] == {"Name": "no"}


def test_settings() -> None:
    """Each has its argument; labels of the orchestrator's own can't be replaced."""
    made = options(
        {
            "user": "1000",
            "network": "lab",
            "volumes": ["/data:/data:ro"],
            "labels": {"team": "a", "zenml.role": "none"},
            "pid_mode": "host",
            "run_args": {"shm_size": "2g", "extra_hosts": {"a": "10.0.0.1"}},
        },
        labels={"role": "step"},
    )
    expected = {
        "user": "1000",
        "network": "lab",
        "volumes": ["/data:/data:ro"],
        "labels": {"team": "a", "zenml.role": "step"},
        "pid_mode": "host",
        "init": False,
        "shm_size": "2g",
        "extra_hosts": {"host.docker.internal": "host-gateway", "a": "10.0.0.1"},
    }
    assert {name: made[name] for name in expected} == expected


@pytest.mark.skipif(sys.platform != "linux", reason="the engine's machine is another there")
def test_a_server_of_this_machine_alone_is_reached() -> None:
    """Through the host's network, unless another was chosen."""
    local = {"ZENML_STORE_URL": "http://127.0.0.1:8237"}
    assert options(environment=local)["network_mode"] == "host"
    assert options({"network": "lab"}, environment=local)["network"] == "lab"
    elsewhere = {"ZENML_STORE_URL": "https://zenml.acme.example"}
    assert options(environment=elsewhere)["network"] is None


def test_local_stores_are_mounted_for_their_owner(tmp_path: Path) -> None:
    """The database, too, wherever it is; one that lies below the other is not mounted again."""
    stores, database = tmp_path / "stores", tmp_path / "elsewhere"
    stores.mkdir()
    database.mkdir()
    environment = {
        "ZENML_LOCAL_STORES_PATH": str(stores),
        "ZENML_STORE_URL": f"sqlite:///{database / 'zenml.db'}",
    }
    made = options(environment=environment)
    mounted = {mount["Source"] for mount in made["mounts"]}
    assert mounted == {"/logs/run", str(stores), str(database)}
    assert made["user"] == f"{os.getuid()}:{os.getgid()}"

    environment["ZENML_STORE_URL"] = f"sqlite:///{stores / 'default' / 'zenml.db'}"
    made = options(environment=environment)
    assert {mount["Source"] for mount in made["mounts"]} == {"/logs/run", str(stores)}
    # There, the engine's root is who runs the engine.
    job = a_job(environment=environment)
    assert container_options(job, LOG, rootless=True)["user"] == "0:0"


def test_an_engine_elsewhere_has_no_file_of_this_machine() -> None:
    """Its containers print to the engine, and keep the image's user."""
    made = container_options(a_job(), None, rootless=False)
    assert made["entrypoint"] == ["train"]
    assert made["command"] == ["it's"]
    assert not made["mounts"]
    assert made["user"] is None


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"run_args": {"mem_limit": "1g"}}, r"ResourceSettings\(memory"),
        ({"run_args": {"restart_policy": {}}}, "collide"),
        ({"run_args": {"shm_sise": "1g"}}, "knows no argument 'shm_sise'"),
        ({"volumes": ["/data"]}, "SOURCE:TARGET"),
        ({"pid_mode": "mine"}, "host"),
    ],
)
def test_what_could_not_work_is_refused(chosen: dict[str, Any], message: str) -> None:
    """When it is written down, with the word to use instead."""
    with pytest.raises(ValidationError, match=message):
        AcmeOrchestratorSettings(**chosen)


def test_where_the_engine_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Configured, or as for all of Docker's clients. Only a socket is on this machine."""
    monkeypatch.setenv("DOCKER_HOST", "tcp://engine.example.org:2375")
    assert AcmeOrchestratorConfig().is_remote
    here = AcmeOrchestratorConfig(docker_host="unix:///run/engine.sock")
    assert (here.is_remote, here.is_local, here.socket) == (False, True, "/run/engine.sock")
    with pytest.raises(ValidationError, match="docker_host"):
        AcmeOrchestratorConfig(docker_host="/run/engine.sock")
