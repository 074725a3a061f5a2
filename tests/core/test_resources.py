"""Resources, exactly."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from zenml.config.resource_settings import ResourceSettings
from zenml.config.step_configurations import StepConfiguration

from zenml_conformance.core.job_factory import JobFactory
from zenml_conformance.core.resources import Resources, to_bytes, translate


def ask(gpu_classes: bool = False, **resources: Any) -> Resources:
    """Translate resource settings."""
    return translate(ResourceSettings(**resources), "Step `train`", gpu_classes)


@pytest.mark.parametrize(
    ("memory", "expected"),
    [
        ("1KB", 10**3),
        ("1KiB", 2**10),
        ("3MB", 3 * 10**6),
        ("3MiB", 3 * 2**20),
        ("2GB", 2 * 10**9),
        ("2GiB", 2 * 2**30),
        ("1TB", 10**12),
        ("1TiB", 2**40),
        ("7PB", 7 * 10**15),
        ("7PiB", 7 * 2**50),
        ("9007199254740993KB", 9007199254740993000),
    ],
)
def test_memory_is_exact(memory: str, expected: int) -> None:
    """Decimal and binary units differ by up to an eighth, and a float would round the last."""
    assert ask(memory=memory).memory == expected


@pytest.mark.parametrize("memory", ["16", "16G", "1.5GB", "GB", "-1GB", ""])
def test_other_notations_are_refused(memory: str) -> None:
    """The message repeats the value and shows a right one."""
    with pytest.raises(ValueError, match="for example 16GB") as error:
        to_bytes(memory)
    assert repr(memory) in str(error.value)


def test_fractions_of_a_core_stay_fractions() -> None:
    """Whether to round is for the backend to know."""
    assert ask(cpu_count=0.5).cpu == 0.5


def test_zero_is_not_unset() -> None:
    """A step that wants no GPU differs from one that does not say."""
    assert ask(gpu_count=0).gpus == 0
    assert ask() == Resources(cpu=None, memory=None, gpus=None)


def test_resources_of_a_step_operator_are_its_own() -> None:
    """The job that launches the step operator must not reserve them a second time."""
    settings = {"resources": {"cpu_count": 8, "memory": "1GB", "gpu_count": 1}}
    step = StepConfiguration.model_validate({"name": "train", "settings": settings})
    factory = JobFactory(mock.Mock(), mock.Mock(), mock.Mock(), None, None)
    assert factory.step_resources("train", step) == Resources(cpu=8, memory=10**9, gpus=1)
    operated = step.model_copy(update={"step_operator": "operator"})
    assert factory.step_resources("train", operated) == Resources()


def test_what_can_not_be_asked_for_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """The warning names the step, the field and the value."""
    with caplog.at_level("WARNING"):
        ask(gpu_count=1, max_replicas=3)
    assert "Step `train` sets max_replicas=3" in caplog.text


@pytest.mark.parametrize(("known", "expected"), [(True, "a100"), (False, None)])
def test_types_of_gpus_are_for_backends_that_know_them(
    caplog: pytest.LogCaptureFixture, known: bool, expected: str | None
) -> None:
    """Others would give the step any GPU, so it is warned."""
    with caplog.at_level("WARNING"):
        assert ask(known, gpu_count=1, gpu_class="a100").gpu_class == expected
    assert ("Step `train` sets gpu_class='a100'" in caplog.text) is not known
