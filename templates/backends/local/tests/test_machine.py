"""The book-keeping of the machine."""

from __future__ import annotations

from typing import Any

import pytest

from example_pkg.config import (
    AcmeOrchestratorConfig,
)
from example_pkg.core.jobs import Job
from example_pkg.machine import Machine


def a_machine(**limits: Any) -> Machine:
    """Build a machine of 4 cores, 8 GB and two GPUs, unless told otherwise."""
    usual: dict[str, Any] = {"cpus": 4, "memory": "8GB", "gpu_devices": "0,1"}
    usual |= {"max_parallel_steps": 9, **limits}
    return Machine(AcmeOrchestratorConfig(**usual))


def a_job(**resources: Any) -> Job:
    """Build a job that does nothing."""
    return Job(name="a", command=("true",), environment={}, **resources)


@pytest.mark.parametrize(
    "resources", [{}, {"cpu": 2.0}, {"memory": 4 * 10**9}, {"gpus": 1}, {"cpu": 0.0, "gpus": 0}]
)
def test_shares_never_exceed_the_machine(resources: dict[str, Any]) -> None:
    """Two of these fit, whatever they ask for. What is given back can be taken again."""
    machine = a_machine(max_parallel_steps=2)
    first, second = machine.take(a_job(**resources)), machine.take(a_job(**resources))
    assert first is not None
    assert second is not None
    assert machine.take(a_job(**resources)) is None
    machine.give_back(first)
    assert machine.take(a_job(**resources)) is not None


def test_fractions_add_up_exactly() -> None:
    """Ten times a tenth is one core, and not a little more."""
    machine = a_machine(max_parallel_steps=20, cpus=1)
    assert all(machine.take(a_job(cpu=0.1)) for _ in range(10))
    assert machine.take(a_job(cpu=0.1)) is None


def test_a_gpu_has_one_user() -> None:
    """A job that asks for none sees none; one that does not say is left alone."""
    machine = a_machine()
    first, second = machine.take(a_job(gpus=1)), machine.take(a_job(gpus=1))
    assert first is not None
    assert second is not None
    assert (first.gpus, second.gpus) == (("0",), ("1",))
    assert machine.take(a_job(gpus=1)) is None
    none, unset = machine.take(a_job(gpus=0)), machine.take(a_job())
    assert none is not None
    assert unset is not None
    assert (none.gpus, unset.gpus) == ((), None)


@pytest.mark.parametrize(
    ("resources", "figure", "option"),
    [
        ({"cpu": 4.5}, "4.5 cores", "`cpus`"),
        ({"memory": 8 * 10**9 + 1}, "8000000001 bytes", "`memory`"),
        ({"gpus": 3}, "3 GPUs", "`gpu_devices`"),
    ],
)
def test_what_can_never_be_given_is_refused(
    resources: dict[str, Any], figure: str, option: str
) -> None:
    """The message has the figure, and the option to change if it is wrong."""
    with pytest.raises(ValueError, match=figure) as error:
        a_machine().check(a_job(**resources))
    assert option in str(error.value)


def test_the_whole_machine_may_be_asked_for() -> None:
    """It is the limit, not beyond it."""
    a_machine().check(a_job(cpu=4.0, memory=8 * 10**9, gpus=2))


def test_limits_need_a_unit() -> None:
    """A bare number could mean anything."""
    with pytest.raises(ValueError, match="16GB"):
        AcmeOrchestratorConfig(memory="8")
