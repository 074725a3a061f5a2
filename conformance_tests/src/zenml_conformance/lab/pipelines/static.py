"""Pipelines whose DAG is known at submission."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from zenml import pipeline, step
from zenml.config import ResourceSettings
from zenml.config.retry_config import StepRetryConfig

from zenml_conformance.lab.pipelines.probes import (
    MEETING_SECONDS,
    NASTY,
    SAYING,
    SENTINEL,
    leave_probe,
    mark,
    wait_for_mark,
    wait_for_peer,
)


@step
def source(probes: str) -> int:
    """Give a number, and say so."""
    print(SAYING)
    leave_probe(probes, began=time.monotonic(), ended=time.monotonic())
    return 1


@step
def sink(probes: str, value: int) -> int:
    """Take a number."""
    leave_probe(probes, began=time.monotonic(), ended=time.monotonic())
    return value + 1


@step
def meet(probes: str, own: str, other: str, value: int = 0, linger: float = 0.0) -> int:
    """Look for a step that runs at the same time."""
    began = time.monotonic()
    mark(probes, own)
    met = wait_for_peer(probes, other, MEETING_SECONDS)
    time.sleep(linger)  # Being busy is what this step is for.
    leave_probe(probes, began=began, ended=time.monotonic(), met=met)
    return value + 1


@step
def join(probes: str, left: int) -> int:
    """Come after everything else."""
    leave_probe(probes, began=time.monotonic(), ended=time.monotonic())
    return left + 1


@pipeline(enable_cache=False)
def diamond(probes: str) -> None:
    """One step function called twice between a source and a join; one edge carries no data."""
    first = source.with_options(environment={**NASTY, "CONFORMANCE_PLAIN": "source"})(probes)
    left = meet.with_options(environment={"CONFORMANCE_OWN": "meet"})(
        probes, own="left", other="right", value=first
    )
    meet.with_options(environment={"CONFORMANCE_OWN": "meet_2", "CONFORMANCE_TOKEN": SENTINEL})(
        probes, own="right", other="left", linger=2.0, after=["source"]
    )
    join(probes, left, after=["meet_2"])


@pipeline(enable_cache=False)
def single(probes: str) -> None:
    """One step."""
    source(probes)


@pipeline(enable_cache=False)
def chain(probes: str) -> None:
    """Two steps, one after the other."""
    sink(probes, source(probes))


@step
def meet_the_other_run(probes: str, own: str, other: str) -> int:
    """Make sure that another run is under way at the same time, if that is possible at all."""
    began = time.monotonic()
    mark(probes, own)
    met = wait_for_peer(probes, other, MEETING_SECONDS)
    leave_probe(probes, began=began, ended=time.monotonic(), met=met)
    return 1


@pipeline(enable_cache=False)
def first_of_two(probes: str) -> None:
    """Two steps, the first of which meets that of the other run."""
    sink(probes, meet_the_other_run(probes, own="first", other="second", id="source"))


@pipeline(enable_cache=False)
def second_of_two(probes: str) -> None:
    """The other run."""
    sink(probes, meet_the_other_run(probes, own="second", other="first", id="source"))


@step
def boom(probes: str) -> int:
    """Fail, after a parallel step has been given the time to start."""
    wait_for_peer(probes, "running", 3.0)
    leave_probe(probes, began=time.monotonic(), ended=time.monotonic())
    mark(probes, "failing")
    raise RuntimeError("this step fails on purpose")


@step
def well(probes: str) -> int:
    """Succeed, after a parallel step has failed and everybody could notice."""
    began = time.monotonic()
    mark(probes, "running")
    if wait_for_peer(probes, "failing", 3.0):
        time.sleep(1.5)
    leave_probe(probes, began=began, ended=time.monotonic())
    return 1


@step
def flaky(probes: str) -> int:
    """Fail twice, then succeed."""
    attempts = len(list(Path(probes).glob("attempt-*.mark")))
    mark(probes, f"attempt-{attempts}")
    leave_probe(probes, began=time.monotonic(), ended=time.monotonic())
    if attempts < 2:
        raise RuntimeError("this step fails twice on purpose")
    return 1


_opened: list[str] = []
"""Where the init hook of this process was told to leave signs: cleanup hooks get no arguments."""


def opened(probes: str = "") -> None:
    """Be run at the beginning, once for each process of steps or once for the run.

    Args:
        probes: Directory of the scenario's probes.
    """
    _opened.append(probes)
    mark(probes, f"init-{os.getpid()}-{time.monotonic_ns()}")


def closed() -> None:
    """Be run at the end of what `opened` began."""
    if _opened:
        mark(_opened.pop(), f"cleanup-{os.getpid()}-{time.monotonic_ns()}")


@pipeline(enable_cache=False, on_init=opened, on_cleanup=closed)
def failing(probes: str) -> None:
    """With hooks: a branch that fails beside one that is well and one that needs three attempts."""
    sink(probes, boom(probes), id="after_boom")
    sink(probes, well(probes), id="after_well")
    flaky.with_options(retry=StepRetryConfig(max_retries=2, delay=0, backoff=1))(probes)


@step
def sleeper(probes: str, seconds: float) -> int:
    """Run until told to end."""
    began = time.monotonic()
    leave_probe(probes, began=began)
    mark(probes, "running")
    released = wait_for_mark(probes, "release", seconds)
    mark(probes, "slept" if released or time.monotonic() - began >= seconds else "cut-short")
    return 1


@pipeline(enable_cache=False)
def modes(probes: str, seconds: float) -> None:
    """A failing step, a long one beside it, and a step after the long one."""
    boom(probes)
    sink(probes, sleeper(probes, seconds), id="after_sleeper")


@step
def victim(probes: str) -> int:
    """Be killed as the kernel kills what takes too much memory."""
    leave_probe(probes, began=time.monotonic())
    os.kill(os.getpid(), signal.SIGKILL)
    return 1


@pipeline(enable_cache=False)
def killed(probes: str) -> None:
    """A step that is killed, one that needs it, and one that is killed with a retry to its name."""
    sink(probes, victim(probes), id="after_victim")
    retry = StepRetryConfig(max_retries=1, delay=0, backoff=1)
    victim.with_options(retry=retry)(probes, id="retriable_victim")


@pipeline(enable_cache=False)
def never_started(probes: str) -> None:
    """A step whose interpreter dies before it has run a line, as with an image that is broken."""
    source.with_options(environment={"PYTHONHOME": "/nonexistent"})(probes, id="never_starts")


@step
def publisher(probes: str) -> int:
    """Report success, and die before the process has ended well."""
    from zenml.client import Client
    from zenml.enums import ExecutionStatus

    leave_probe(probes, began=time.monotonic(), ended=time.monotonic())
    store = type(Client().zen_store)
    update = store.update_run_step

    def update_and_die(self: Any, step_run_id: Any, step_run_update: Any) -> Any:
        result = update(self, step_run_id, step_run_update)
        if step_run_update.status is ExecutionStatus.COMPLETED:
            mark(probes, "died")
            os._exit(3)
        return result

    store.update_run_step = update_and_die  # type: ignore[method-assign]
    return 1


@pipeline(enable_cache=False)
def published_then_died(probes: str) -> None:
    """A step that dies after it has reported success, and one that needs it."""
    sink(probes, publisher(probes), id="after_publisher")


@pipeline(enable_cache=False)
def released(probes: str) -> None:
    """A step that waits to be released, and one after it."""
    sink(probes, sleeper(probes, 60.0), id="after_sleeper")


@step
def load(probes: str) -> int:
    """Be cached."""
    leave_probe(probes, began=time.monotonic(), ended=time.monotonic())
    return 1


@pipeline
def cached(probes: str, fresh: bool) -> None:
    """A step that may be cached, and one that is only when asked."""
    sink.with_options(enable_cache=not fresh)(probes, load(probes), id="use")


RESOURCES: dict[str, ResourceSettings | None] = {
    "unset": None,
    "half_cpu": ResourceSettings(cpu_count=0.5),
    "three_cpus": ResourceSettings(cpu_count=3),
    "no_gpu": ResourceSettings(gpu_count=0),
    "two_gpus": ResourceSettings(gpu_count=2),
    "memory_kb": ResourceSettings(memory="3KB"),
    "memory_kib": ResourceSettings(memory="3KiB"),
    "memory_mb": ResourceSettings(memory="3MB"),
    "memory_mib": ResourceSettings(memory="3MiB"),
    "memory_gb": ResourceSettings(memory="3GB"),
    "memory_gib": ResourceSettings(memory="3GiB"),
    "memory_tb": ResourceSettings(memory="3TB"),
    "memory_tib": ResourceSettings(memory="3TiB"),
    "memory_pb": ResourceSettings(memory="3PB"),
    "memory_pib": ResourceSettings(memory="3PiB"),
}
"""One step for each; the keys are the invocation ids."""


@pipeline(enable_cache=False)
def resources(probes: str) -> None:
    """Steps that ask for one thing each."""
    for name, asked in RESOURCES.items():
        settings = {"resources": asked} if asked else {}
        source.with_options(settings=settings)(probes, id=name)


OPERATORS_RESOURCES = ResourceSettings(cpu_count=7, gpu_count=7, memory="7GiB")


@pipeline(enable_cache=False)
def operated(probes: str) -> None:
    """A step that a step operator runs, with resources meant for that, and one beside it."""
    on_operator = source.with_options(
        step_operator=True, settings={"resources": OPERATORS_RESOURCES}
    )
    on_operator(probes, id="on_operator")
    source(probes, id="beside")


SMALL_RESOURCES: dict[str, ResourceSettings | None] = {
    "unset": None,
    "two_cpus": ResourceSettings(cpu_count=2),
    "memory_700mb": ResourceSettings(memory="700MB"),
    "memory_700mib": ResourceSettings(memory="700MiB"),
    "no_gpu": ResourceSettings(gpu_count=0),
}
"""What any backend has, and is enough for ZenML to run in."""


@step
def looked_at(probes: str, name: str) -> int:
    """Run until what its job has on record has been read."""
    began = time.monotonic()
    mark(probes, f"{name}-running")
    wait_for_mark(probes, f"{name}-read", 30.0)
    leave_probe(probes, began=began, ended=time.monotonic())
    return 1


@pipeline(enable_cache=False)
def small_resources(probes: str) -> None:
    """Steps that ask for one thing each, for orchestrators that keep their own backend."""
    for name, asked in SMALL_RESOURCES.items():
        settings = {"resources": asked} if asked else {}
        looked_at.with_options(settings=settings)(probes, name, id=name)


@pipeline(enable_cache=False)
def settings(probes: str, step_settings: dict[str, Any]) -> None:
    """A step with settings of its own, and one that has the pipeline's."""
    source.with_options(settings=step_settings)(probes, id="own")
    source(probes, id="inherited")


HOSTILE_STEPS = [
    "9 Schritte / ステップ $(a) 'b'",
    *(f"a_step_whose_name_goes_on_and_on_{'x' * 60}_{n}" for n in range(11)),
]
"""Invocation ids: one that no scheduler would take, and some that differ only at the end."""


def hostile_names(name: str) -> Any:
    """Steps with the worst of names, in a pipeline of any name.

    Args:
        name: The pipeline's name.

    Returns:
        The pipeline.
    """

    @pipeline(name=name, enable_cache=False)
    def named(probes: str, steps: int) -> None:
        for step_name in HOSTILE_STEPS[:steps]:
            source(probes, id=step_name)

    return named
