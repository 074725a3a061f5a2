"""A job in the words of Ray."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from example_pkg.config import (
    AcmeOrchestratorConfig,
    AcmeOrchestratorSettings,
)
from example_pkg.core.jobs import Job
from example_pkg.ray_options import (
    check_resources,
    interpreter,
    task_options,
)

NODES = [{"CPU": 4.0, "memory": 8e9}, {"CPU": 2.0, "GPU": 2.0, "accelerator_type:A100": 2.0}]


def a_job(role: str = "step", settings: dict[str, Any] | None = None, **resources: Any) -> Job:
    """Build a job."""
    known = AcmeOrchestratorSettings(**(settings or {}))
    return Job("a-job", ("true",), {}, settings=known, labels={"role": role}, **resources)


@pytest.mark.parametrize(
    ("job", "options"),
    [
        (a_job(), {"num_cpus": 1.0, "num_gpus": 0}),
        (a_job("coordinator"), {"num_cpus": 0.0, "num_gpus": 0}),
        (a_job(cpu=0.5, memory=10**9), {"num_cpus": 0.5, "num_gpus": 0, "memory": 10**9}),
        (
            a_job(gpus=2, gpu_class="A100"),
            {"num_cpus": 1.0, "num_gpus": 2, "accelerator_type": "A100"},
        ),
        (
            a_job(settings={"resources": {"license": 2}}),
            {"num_cpus": 1.0, "num_gpus": 0, "resources": {"license": 2.0}},
        ),
    ],
)
def test_what_a_job_needs(job: Job, options: dict[str, Any]) -> None:
    """What it does not say is left to Ray; what looks after a run must not be in a step's way."""
    assert task_options(job) == {"resources": {}, **options}


def test_what_is_uploaded_belongs_to_the_run() -> None:
    """The rest of a runtime environment may differ from step to step."""
    runtime_env = {"working_dir": ".", "env_vars": {"A": "1"}}
    options = task_options(a_job(settings={"runtime_env": runtime_env}))
    assert options["runtime_env"] == {"env_vars": {"A": "1"}}


@pytest.mark.parametrize(
    ("settings", "python"),
    [
        ({}, sys.executable),
        ({"runtime_env": {"working_dir": "."}}, sys.executable),
        ({"runtime_env": {"pip": ["polars"]}}, None),
        ({"runtime_env": {"pip": ["polars"]}, "python": "/opt/python"}, "/opt/python"),
    ],
)
def test_which_python_runs_a_job(settings: dict[str, Any], python: str | None) -> None:
    """The client's, unless it is told otherwise or Ray makes one."""
    assert interpreter(a_job(settings=settings)) == python


def test_a_class_of_gpus_needs_a_number() -> None:
    """Ray would reserve none."""
    with pytest.raises(ValueError, match="gpu_count"):
        task_options(a_job(gpu_class="A100"))


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        ({"cpu": 5.0}, "5 of 'CPU', and no node of the cluster has more than 4"),
        ({"memory": 8 * 10**9 + 1}, "8000000001 of 'memory'"),
        ({"gpus": 3}, "3 of 'GPU'"),
        ({"gpus": 1, "gpu_class": "H100"}, "'accelerator_type:H100'"),
        ({"settings": {"resources": {"license": 1}}}, "1 of 'license'"),
        ({"cpu": 4.0, "gpus": 1}, "4 of 'CPU', 1 of 'GPU', and no node of the cluster has all"),
    ],
)
def test_what_no_node_has_is_refused(resources: dict[str, Any], message: str) -> None:
    """With what was asked for, and with what to do if the cluster grows."""
    with pytest.raises(ValueError, match=message) as error:
        check_resources(task_options(a_job(**resources)), NODES)
    assert "`autoscaling`" in str(error.value)


def test_a_whole_node_may_be_asked_for() -> None:
    """It is the limit, not beyond it."""
    check_resources(task_options(a_job(cpu=4.0, memory=8 * 10**9)), NODES)
    check_resources(task_options(a_job(cpu=2.0, gpus=2, gpu_class="A100")), NODES)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"resources": {"CPU": 1}}, "ResourceSettings"),
        ({"resources": {"license": 1.5}}, "whole numbers"),
        ({"resources": {"license": -1}}, "whole numbers"),
        ({"runtime_env": {"pipp": ["polars"]}}, "'pipp' is not a part of a runtime environment"),
    ],
)
def test_settings_that_ray_would_not_understand(settings: dict[str, Any], message: str) -> None:
    """They are refused where they are written down."""
    with pytest.raises(ValueError, match=message):
        AcmeOrchestratorConfig(**settings)
