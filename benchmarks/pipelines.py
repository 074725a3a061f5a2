"""The pipelines that are timed. Their steps do next to nothing, or only wait."""

from __future__ import annotations

import time
from pathlib import Path

from zenml import pipeline, step

NAPS = 8
NAP_SECONDS = 5.0

LAYERS, WIDTH, LAYER_SECONDS = 10, 5, 1.0
"""The `lattice` that is timed on clusters."""


@step(enable_cache=False)
def count(number: int) -> int:
    """Do as little as a step can that has an input and an output."""
    return number + 1


@step(enable_cache=False)
def nap(seconds: float) -> float:
    """Wait, as a step does that waits for another machine."""
    time.sleep(seconds)
    return seconds


@step(enable_cache=False)
def join() -> str:
    """Come after all naps."""
    return "joined"


@step(enable_cache=False)
def tell(file: str) -> None:
    """Write down when the code of a step runs."""
    Path(file).write_text(str(time.time()))


@pipeline
def chain(length: int) -> None:
    """Run no-op steps one after another, each with the output of the one before."""
    number = 0
    for position in range(length):
        number = count(number, id=f"count_{position}")


@pipeline
def cold_chain(length: int) -> None:
    """Run the same steps, each in an interpreter of its own: it sets what is read at the start."""
    number = 0
    for position in range(length):
        cold = count.with_options(environment={"MALLOC_CHECK_": "0"})
        number = cold(number, id=f"count_{position}")


@pipeline
def fan() -> None:
    """Run eight steps that could all run at once, and one after them."""
    ids = [f"nap_{position}" for position in range(NAPS)]
    for id in ids:
        nap(NAP_SECONDS, id=id)
    join(after=ids)


@pipeline
def single(file: str) -> None:
    """Run one step, which writes down when it runs."""
    tell(file)


@pipeline
def lattice(layers: int, width: int, seconds: float) -> None:
    """Run layers of steps, each step after two of the layer before."""
    for layer in range(layers):
        for column in range(width):
            before = {column, (column + 1) % width} if layer else ()
            nap(
                seconds,
                id=f"nap_{layer}_{column}",
                after=[f"nap_{layer - 1}_{other}" for other in before],
            )


@pipeline
def wide(width: int) -> None:
    """Run steps that need nothing of each other."""
    for position in range(width):
        nap(0.0, id=f"nap_{position}")
