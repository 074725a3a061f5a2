"""What a step asks for, in exact units."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zenml.config.resource_settings import ByteUnit
from zenml.logger import get_logger

if TYPE_CHECKING:
    from zenml.config.step_configurations import Step

logger = get_logger(__name__)

_MAPPED = {"cpu_count", "memory", "gpu_count"}


@dataclass(frozen=True)
class Resources:
    """Resources of one step. None means that the step does not say; 0 that it wants none.

    Attributes:
        cpu: Cores, fractions allowed.
        memory: Bytes.
        gpus: Number of GPUs.
    """

    cpu: float | None = None
    memory: int | None = None
    gpus: int | None = None


def step_resources(step: Step) -> Resources:
    """Translate the resource settings of a step.

    Warns about a setting that has no translation, since a step that silently runs without what
    it asked for is hard to explain.

    Args:
        step: The step, as the snapshot holds it.

    Returns:
        The resources; none for a step with a step operator, which takes care of them itself
        (`BaseOrchestrator.requires_resources_in_orchestration_environment`).
    """
    if step.config.step_operator:
        return Resources()
    settings = step.config.resource_settings
    for name in sorted(settings.model_dump(exclude_unset=True, exclude_none=True).keys() - _MAPPED):
        logger.warning(
            "Step `%s` sets %s=%r in its resource settings, which this orchestrator can't ask "
            "for. The step runs without it.",
            step.spec.invocation_id,
            name,
            getattr(settings, name),
        )
    return Resources(
        cpu=settings.cpu_count,
        memory=None if settings.memory is None else to_bytes(settings.memory),
        gpus=settings.gpu_count,
    )


def to_bytes(memory: str) -> int:
    """Convert ZenML's notation of memory, for example `16GB` (decimal) or `512MiB` (binary).

    `ResourceSettings.get_memory` answers with a float, which can't hold every number of bytes.

    Args:
        memory: A whole number and a unit.

    Returns:
        Bytes, exactly.

    Raises:
        ValueError: If the text is not a whole number followed by a unit that ZenML knows.
    """
    match = re.fullmatch(r"([0-9]+)([A-Za-z]+)", memory)
    units = {unit.value: unit.byte_value for unit in ByteUnit}
    if match is None or match[2] not in units:
        raise ValueError(
            f"{memory!r} is not an amount of memory. Write a whole number and one of the units "
            f"{', '.join(units)}, for example 16GB."
        )
    return int(match[1]) * units[match[2]]
