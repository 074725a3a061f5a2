"""Jobs in the words of `sbatch`."""

from __future__ import annotations

from typing import Any

import pytest

from example_pkg.config import (
    AcmeOrchestratorSettings,
)
from example_pkg.core.jobs import Job
from example_pkg.sbatch_options import (
    check_words,
    container_command,
    job_options,
    resource_options,
)


def a_job(chosen: dict[str, Any] | None = None, **fields: Any) -> Job:
    """Describe a job by what a test is about."""
    settings = AcmeOrchestratorSettings(**(chosen or {}))
    known = {"name": "a-job", "command": ("train", "it's"), "environment": {"A": "1"}}
    return Job(**{**known, "settings": settings, **fields})


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, []),
        ({"cpu": 3}, ["--cpus-per-task=3"]),
        ({"cpu": 0.5}, ["--cpus-per-task=1"]),
        ({"memory": 2**30}, ["--mem=1024M"]),
        ({"memory": 2**30 + 1}, ["--mem=1025M"]),
        ({"memory": 1}, ["--mem=1M"]),
        ({"gpus": 2}, ["--gres=gpu:2"]),
        ({"gpus": 2, "gpu_class": "a100"}, ["--gres=gpu:a100:2"]),
        ({"gpus": 0}, ["--gres=none"]),
    ],
)
def test_resources(fields: dict[str, Any], expected: list[str]) -> None:
    """Rounded up to whole units of Slurm; what is not said is left to the cluster."""
    job = a_job(**fields)
    check_words(job)
    assert resource_options(job) == expected


def test_settings() -> None:
    """Each has its option, and those that have no setting of their own come first."""
    settings = {
        "partition": "long",
        "account": "physics",
        "qos": "high",
        "time_limit": "2-12",
        "constraint": "ib&ssd",
        "extra_flags": ["--exclusive", "--nodelist=n1"],
    }
    assert resource_options(a_job(settings)) == [
        *("--exclusive", "--nodelist=n1", "--partition=long", "--account=physics", "--qos=high"),
        *("--time=2-12", "--constraint=ib&ssd"),
    ]


def test_whose_job_it_is() -> None:
    """Name and comment say so to a person who lists the queue."""
    options = job_options(a_job(labels={"run_id": "4711", "step": "fit", "role": "step"}))
    assert {"--job-name=a-job", "--comment=role=step run_id=4711 step=fit"} < {*options}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, set()),
        ({"depends_on": ("7", "8")}, {"--dependency=afterok:7:8", "--kill-on-invalid-dep=yes"}),
        (
            {"depends_on": ("7",), "start_when": "ended"},
            {"--dependency=afterany:7", "--kill-on-invalid-dep=yes"},
        ),
    ],
)
def test_dependencies(fields: dict[str, Any], expected: set[str]) -> None:
    """And whatever it depends on, a job is never run twice."""
    options = {*job_options(a_job(**fields))}
    assert {option for option in options if "dep" in option} == expected
    assert "--no-requeue" in options


def test_a_container_runs_the_command() -> None:
    """The image stands between the two, and nothing where there is none."""
    settings = {"container_command": ["apptainer", "exec"]}
    assert container_command(a_job(settings)) == ["train", "it's"]
    job = a_job(settings, image="a.sif")
    check_words(job)
    assert container_command(job) == ["apptainer", "exec", "a.sif", "train", "it's"]


@pytest.mark.parametrize(
    ("settings", "fields", "message"),
    [
        ({"extra_flags": ["rm"]}, {}, "'rm' in `extra_flags` is no long option"),
        ({"extra_flags": ["-p", "x"]}, {}, "'-p' in `extra_flags` is no long option"),
        ({"extra_flags": ["--array=0-9"]}, {}, "sets --array"),
        ({"extra_flags": ["--arr=0-9"]}, {}, "sets --array"),
        ({"extra_flags": ["--wait"]}, {}, "sets --wait"),
        ({"extra_flags": ["--clusters=far"]}, {}, "sets --clusters"),
        ({"extra_flags": ["--export=NONE"]}, {}, "sets --export"),
        ({}, {"image": "a.sif"}, "Set `container_command`"),
        ({}, {"memory": 0}, "all memory of the node"),
        ({}, {"gpu_class": "a100"}, "Set `gpu_count` as well"),
        ({}, {"gpu_class": "a100", "gpus": 0}, "Set `gpu_count` as well"),
        ({}, {"gpu_class": "a100:8,gpu", "gpus": 1}, "no type of GPU"),
        ({}, {"environment": {"A-B; id": "1"}}, "no shell can set"),
    ],
)
def test_what_slurm_can_not_express_is_refused(
    settings: dict[str, Any], fields: dict[str, Any], message: str
) -> None:
    """Rather than dropped, or taken for something else."""
    with pytest.raises(ValueError, match=message):
        check_words(a_job(settings, **fields))
