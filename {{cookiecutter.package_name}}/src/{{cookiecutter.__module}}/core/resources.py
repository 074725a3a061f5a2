"""What a step or pipeline asks for, in exact units."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zenml.config.resource_settings import ByteUnit
from zenml.logger import get_logger

if TYPE_CHECKING:
    from zenml.config.resource_settings import ResourceSettings

logger = get_logger(__name__)


@dataclass(frozen=True)
class Resources:
    """Resources of one job. None means that nobody has said; 0 that it wants none.

    Attributes:
        cpu: Cores, fractions allowed.
        memory: Bytes.
        gpus: Number of GPUs.
        gpu_class: Type of the GPUs.
    """

    cpu: float | None = None
    memory: int | None = None
    gpus: int | None = None
    gpu_class: str | None = None


def translate(settings: ResourceSettings, who: str, gpu_classes: bool) -> Resources:
    """Translate ZenML's resource settings.

    Warns about a setting that has no translation, since a job that silently runs without what it
    asked for is hard to explain.

    Args:
        settings: The settings.
        who: Whose settings they are, for the warning.
        gpu_classes: Whether the backend knows types of GPUs.
    """
    translated = {"cpu_count", "memory", "gpu_count"} | ({"gpu_class"} if gpu_classes else set())
    given = settings.model_dump(exclude_unset=True, exclude_none=True)
    for name in sorted(given.keys() - translated):
        logger.warning(
            "%s sets %s=%r in its resource settings, which this orchestrator can't ask for. It "
            "runs without it.",
            *(who, name, given[name]),
        )
    return Resources(
        cpu=settings.cpu_count,
        memory=None if settings.memory is None else to_bytes(settings.memory),
        gpus=settings.gpu_count,
        gpu_class=getattr(settings, "gpu_class", None) if gpu_classes else None,
    )


def to_bytes(memory: str) -> int:
    """Convert ZenML's notation of memory, for example `16GB` (decimal) or `512MiB` (binary).

    `ResourceSettings.get_memory` answers with a float, which can't hold every number of bytes.

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
