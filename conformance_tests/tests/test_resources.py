"""Resources at the live tier: what the orchestrator's own backend has on record is compared."""

from __future__ import annotations

import pytest

from zenml_conformance import RecordedResources as Has
from zenml_conformance.context.evidence import Call, Raised, Submission
from zenml_conformance.contract.rule import NotSeen, Violation
from zenml_conformance.contract.rules import RULES
from zenml_conformance.scenarios.diamond import Diamond
from zenml_conformance.scenarios.resources import Resources

RIGHT = {
    "unset": Has(cpu=1.0, gpus=0),
    "two_cpus": Has(cpu=2.0, gpus=0),
    "memory_700mb": Has(cpu=1.0, memory=668 * 2**20, gpus=0),
    "memory_700mib": Has(cpu=1.0, memory=700 * 2**20, gpus=0),
    "no_gpu": Has(cpu=1.0, gpus=0),
}
"""Of a backend that counts in MiB, and gives each job a cpu."""


def seen(
    recorded: dict[str, Has] | None, logged: str = "", raised: Raised | None = None
) -> Resources:
    """Evidence of the scenario on the orchestrator's own backend."""
    call = Call(
        began=1.0, placeholder=None, snapshot="s", steps={}, step_environments={}, logged=[logged]
    )
    client = Submission(label="resources", pid=1, began=0.0, calls=[call], raised=raised)
    evidence = Resources(scenario="resources", simulated=False, submissions=[client])
    if recorded is not None:
        evidence.recorded = recorded
    return evidence


def check(rule: str, resources: Resources) -> None:
    """Judge a rule about resources."""
    RULES[rule].check(resources, Diamond(scenario="diamond", simulated=False))


@pytest.mark.parametrize("rule", ["RES-1", "RES-2", "RES-3"])
def test_what_is_right_holds(rule: str) -> None:
    check(rule, seen(RIGHT))


@pytest.mark.parametrize(
    ("rule", "step", "has", "words"),
    [
        ("RES-1", "two_cpus", Has(), "its job has no cpu, and no warning names the step"),
        ("RES-1", "memory_700mb", Has(cpu=1), "its job has no memory"),
        ("RES-2", "memory_700mb", Has(memory=700 * 2**20), "memory='700MB', which is 7e\\+08"),
        ("RES-2", "memory_700mib", Has(memory=668 * 2**20), "'memory_700mib' asked for"),
        ("RES-2", "two_cpus", Has(cpu=1), "its job has 1"),
        ("RES-3", "no_gpu", Has(gpus=1), "asked for gpu_count=0; its job has 1"),
        ("RES-3", "unset", Has(cpu=0), "asked for nothing; its job has cpu 0"),
    ],
)
def test_what_is_wrong_is_seen(rule: str, step: str, has: Has, words: str) -> None:
    with pytest.raises(Violation, match=words):
        check(rule, seen({**RIGHT, step: has}))


def test_who_warns_may_drop() -> None:
    check("RES-1", seen({**RIGHT, "two_cpus": Has()}, logged="step `two_cpus` runs without"))


@pytest.mark.parametrize("rule", ["RES-1", "RES-2", "RES-3"])
def test_nobody_can_read_it(rule: str) -> None:
    with pytest.raises(NotSeen, match="nothing reads what its own backend has on record"):
        check(rule, seen(None))


def test_a_record_is_missing() -> None:
    raised = Raised(type="ValueError", message="there are no two cpus")
    with pytest.raises(NotSeen, match=r"no record of the job of 'two_cpus'.*there are no two cpus"):
        check("RES-2", seen({}, raised=raised))
