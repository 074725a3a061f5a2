"""Resources and settings: what steps ask for reaches their jobs, exactly."""

from __future__ import annotations

import functools
import math
from typing import Any, Protocol

from zenml_conformance.context.evidence import Evidence
from zenml_conformance.contract.rule import (
    MUST,
    NO_BACKEND,
    SHOULD,
    NotApplicable,
    NotSeen,
    Profile,
    Violation,
    rule,
)
from zenml_conformance.fake_backend.jobs import Job
from zenml_conformance.scenarios.diamond import Diamond
from zenml_conformance.scenarios.resources import Resources
from zenml_conformance.scenarios.settings import Settings

resource_rule = functools.partial(rule, needs_jobs=True, profile=Profile.RESOURCES)

ASKED: dict[str, tuple[str, str, float]] = {
    "half_cpu": ("cpu", "cpu_count=0.5", 0.5),
    "three_cpus": ("cpu", "cpu_count=3", 3),
    "two_gpus": ("gpus", "gpu_count=2", 2),
    "memory_kb": ("memory", "memory='3KB'", 3 * 1000),
    "memory_kib": ("memory", "memory='3KiB'", 3 * 1024),
    "memory_mb": ("memory", "memory='3MB'", 3 * 1000**2),
    "memory_mib": ("memory", "memory='3MiB'", 3 * 1024**2),
    "memory_gb": ("memory", "memory='3GB'", 3 * 1000**3),
    "memory_gib": ("memory", "memory='3GiB'", 3 * 1024**3),
    "memory_tb": ("memory", "memory='3TB'", 3 * 1000**4),
    "memory_tib": ("memory", "memory='3TiB'", 3 * 1024**4),
    "memory_pb": ("memory", "memory='3PB'", 3 * 1000**5),
    "memory_pib": ("memory", "memory='3PiB'", 3 * 1024**5),
}
"""For each step of the scenario: the job's field, what the user wrote, and its exact value."""

ASKED_OF_ITS_OWN: dict[str, tuple[str, str, float]] = {
    "two_cpus": ("cpu", "cpu_count=2", 2),
    "memory_700mb": ("memory", "memory='700MB'", 700 * 1000**2),
    "memory_700mib": ("memory", "memory='700MiB'", 700 * 1024**2),
}
"""The same where the steps really run, on the orchestrator's own backend."""

TAKEN = {
    "cpu": {3.0},
    "gpus": {2.0},
    "memory": {value for field, _, value in ASKED.values() if field == "memory"},
}
"""What only a step of the scenario asks for, and nobody has by default."""

MEBIBYTE = 1024**2


class Has(Protocol):
    """What a job has; None: nothing is said."""

    @property
    def cpu(self) -> float | None:
        """Cores."""

    @property
    def memory(self) -> int | None:
        """Bytes."""

    @property
    def gpus(self) -> int | None:
        """Number of GPUs."""


def _job(seen: Evidence, step: str) -> Job:
    for record in seen.step_jobs:
        if record.job.step == step:
            return record.job
    raise Violation(f"no job was submitted for {step!r}{_refusal(seen)}")


def _refusal(seen: Evidence) -> str:
    raised = seen.submissions[0].raised
    return f": the client raised {raised}" if raised else ""


def _has(seen: Evidence, step: str) -> Has:
    """What a step's job has: as it was submitted, or on record where it really runs."""
    if seen.simulated:
        return _job(seen, step)
    if step not in seen.recorded:
        raise NotSeen(f"its own backend had no record of the job of {step!r}{_refusal(seen)}")
    return seen.recorded[step]


def _asked(seen: Evidence, diamond: Evidence) -> dict[str, tuple[str, str, float]]:
    """What the steps of the scenario asked for."""
    if diamond.in_process:
        raise NotApplicable(NO_BACKEND)
    return ASKED if seen.simulated else ASKED_OF_ITS_OWN


def check_exactness(step: str, got: float) -> None:
    """See that a job has what its step asks for, in whole units of the backend's at the most.

    Args:
        step: A step that asks for something.
        got: What its job has of it.

    Raises:
        Violation: If that is less, or more.
    """
    field, asked, exact = {**ASKED, **ASKED_OF_ITS_OWN}[step]
    most = math.ceil(exact / MEBIBYTE) * MEBIBYTE if field == "memory" else math.ceil(exact)
    if not exact <= got <= max(most, exact):
        raise Violation(f"{step!r} asked for {asked}, which is {exact:g}; its job has {got:g}")


def check_no_gpu(job: Has) -> None:
    """See that the step that asks for no GPU gets none.

    Args:
        job: The job of the step `no_gpu`.

    Raises:
        Violation: If it has one.
    """
    if job.gpus:
        raise Violation(f"'no_gpu' asked for gpu_count=0; its job has {job.gpus}")


def says(text: str, value: Any) -> bool:
    """Say whether the value of a setting shows in a job.

    Args:
        text: The job, as JSON.
        value: The value.

    Returns:
        Whether it does.
    """
    return f'"{value}"' in text or (isinstance(value, int) and f":{value}" in text)


@resource_rule("RES-1", MUST, requires=("SUB-1",), needs_jobs=False)
def requests_are_not_dropped(resources: Resources, diamond: Diamond) -> None:
    """What a step asks for is in its job, or a warning names the step.

    Why: ZenML passes `ResourceSettings` on and checks nothing. A step that asked for a GPU and
    silently got none fails an hour later, or runs for days.

    Fix: map `cpu_count`, `gpu_count` and `memory`; for what the backend can't do, log a warning
    that names the step and the field, or refuse at submission. In a generated `backend.py`: pass on
    `job.cpu`, `job.memory` and `job.gpus`, and have `check` refuse what the system can't give.
    """
    warned = " ".join(resources.logged)
    if diamond.in_process:
        silent = [step for step in ASKED_OF_ITS_OWN if step not in warned]
        if silent:
            raise Violation(f"requests of {', '.join(silent)} were dropped without a warning")
        return
    for step, (field, asked, _) in _asked(resources, diamond).items():
        if step not in warned and getattr(_has(resources, step), field) is None:
            raise Violation(
                f"{step!r} asked for {asked}; its job has no {field}, and no warning names the step"
            )


@resource_rule("RES-2", MUST, requires=("RES-1",), needs_jobs=False)
def requests_are_exact(resources: Resources, diamond: Diamond) -> None:
    """A job gets what its step asked for: units kept apart, never rounded down.

    Why: 3GB are 3,000,000,000 bytes and 3GiB are 3,221,225,472. A step that gets less than it
    asked for is killed for memory; one that gets 0 of something is refused or unlimited.

    Fix: convert with `ResourceSettings.get_memory(unit=…)`, round up to whole units of the backend
    (`math.ceil`), and never build the unit from the text. In a generated `backend.py`: `job.memory`
    is in bytes and `job.cpu` may be a fraction, so round both up.
    """
    warned = " ".join(resources.logged)
    compared = 0
    for step, (field, _, _) in _asked(resources, diamond).items():
        got = getattr(_has(resources, step), field)
        if got is None or step in warned:
            continue  # What else the job has is the backend's default, and the user was told.
        compared += 1
        check_exactness(step, got)
    if not compared:
        raise NotApplicable("it maps no request, and warns of each")


@resource_rule("RES-3", MUST, requires=("RES-1",), needs_jobs=False, since="0.2")
def nothing_and_zero_are_two_things(resources: Resources, diamond: Diamond) -> None:
    """`gpu_count=0` is no GPU; what is not set is left to the backend, and is not 0.

    Why: `ResourceSettings` has None for "not set", and a test for truth takes 0 for it. A step
    that says it wants no GPU then gets the default one, and waits in the queue for it; one that
    says nothing gets 0 cpus, which is refused, or unlimited.

    Fix: test with `is None`, for each field by itself. In a generated `backend.py`: the same for
    `job.cpu`, `job.memory` and `job.gpus`.
    """
    if diamond.in_process:
        raise NotApplicable(NO_BACKEND)
    check_no_gpu(_has(resources, "no_gpu"))
    unset = _has(resources, "unset")
    zero = [field for field in ("cpu", "memory") if getattr(unset, field) == 0]
    if zero:
        raise Violation(f"'unset' asked for nothing; its job has {' and '.join(zero)} 0")


@resource_rule("RES-4", MUST, requires=("RES-1",), since="0.2")
def requests_are_one_steps_own(resources: Resources) -> None:
    """What one step asks for is in its own job only; a step operator's is in no job at all.

    Why: a request that leaks makes every step of a pipeline wait for the rarest machine. With a
    step operator it is the operator that runs the step; the orchestrator's job only waits for it
    (`BaseOrchestrator.requires_resources_in_orchestration_environment`).

    Fix: read `step.config.resource_settings` of the step whose job you make, keep nothing from
    the step before, and ask for nothing where that method says False.
    """
    for step in (*ASKED, "unset", "no_gpu"):
        job = _job(resources, step)
        own = ASKED[step][0] if step in ASKED else None
        for field, values in TAKEN.items():
            got = getattr(job, field)
            if field != own and got is not None and float(got) in values:
                raise Violation(f"{step!r} did not ask for {field}; its job has {got:g}, as others")
    operated = [r for r in resources.step_jobs if r.job.step in ("on_operator", "beside")]
    if not operated:
        raise NotSeen("no pipeline was submitted of which a step operator runs a step")
    for record in operated:
        got = record.job.model_dump(include={"cpu", "gpus", "memory"})
        leaked = [field for field, value in got.items() if value in (7, 7 * 1024**3)]
        if leaked:
            raise Violation(
                f"the {' and '.join(leaked)} that 'on_operator' asks for is for its step "
                f"operator; the orchestrator's job of {record.job.step!r} has it"
            )


@resource_rule("RES-5", SHOULD, requires=("RES-1",))
def the_coordinator_stays_small(resources: Resources) -> None:
    """A job that only coordinates does not get what the steps asked for.

    Why: it waits for as long as the run takes. With a step's GPUs and memory it holds an idle
    machine all that time.

    Fix: give the coordinator resources of its own, small ones.
    """
    others = [record.job for record in resources.jobs if record.job.step is None]
    if not others:
        raise NotApplicable("every job runs a step") if resources.jobs else NotSeen("no job ran")
    for job in others:
        for field, values in TAKEN.items():
            got = getattr(job, field)
            if got is not None and float(got) in values:
                raise Violation(f"{job.name!r} runs no step and has {field}={got}, as a step asked")


@resource_rule("SET-1", MUST, requires=("SUB-1",))
def the_nearest_setting_wins(settings: Settings) -> None:
    """A step's setting beats the pipeline's, and the pipeline's beats the component's.

    Why: `StackComponent.get_settings` merges what it is given: called with the snapshot it
    returns the pipeline's settings for every step, and a step's own partition, queue or image is
    ignored silently.

    Fix: call `self.get_settings(step)` for each step, and `self.get_settings(snapshot)` only for
    what concerns the whole run. In a generated `backend.py`: read `job.settings`, and `self.config`
    only for what is the same in all runs.
    """
    given = settings.given
    if not given:
        raise NotApplicable("it has no settings that take a text or a whole number")
    shown = 0
    for number, (label, step, level) in enumerate(
        (("all-levels", "own", "step"), ("all-levels", "inherited", "pipeline"),
         ("component-only", "own", "component"))
    ):  # fmt: skip
        run = next(s.run for s in settings.submissions if s.label == label)
        jobs = [r.job for r in settings.step_jobs if r.job.step == step]
        position = 0 if number < 2 else -1
        if not jobs:
            raise Violation(f"no job was submitted for {step!r} of run {run}")
        said = jobs[position].model_dump_json()
        for name, values in given.items():
            found = [lvl for lvl, value in values.items() if says(said, value)]
            shown += bool(found)
            if found and found != [level]:
                raise Violation(
                    f"setting {name!r} of {step!r} should be the {level}'s ({values[level]!r}); "
                    f"its job has the {' and the '.join(found)}'s"
                )
    if not shown:
        raise NotSeen(f"none of the settings {', '.join(given)} shows in a job")
