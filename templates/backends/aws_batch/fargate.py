"""The sizes that a Fargate task can have."""

from __future__ import annotations

GIBIBYTE = 1024
"""In MiB, Batch's unit."""

# From "Job definition parameters: resourceRequirements" in the user guide of Batch.
SIZES: tuple[tuple[float, tuple[int, ...]], ...] = (
    (0.25, (512, 1 * GIBIBYTE, 2 * GIBIBYTE)),
    (0.5, tuple(range(1 * GIBIBYTE, 4 * GIBIBYTE + 1, GIBIBYTE))),
    (1, tuple(range(2 * GIBIBYTE, 8 * GIBIBYTE + 1, GIBIBYTE))),
    (2, tuple(range(4 * GIBIBYTE, 16 * GIBIBYTE + 1, GIBIBYTE))),
    (4, tuple(range(8 * GIBIBYTE, 30 * GIBIBYTE + 1, GIBIBYTE))),
    (8, tuple(range(16 * GIBIBYTE, 60 * GIBIBYTE + 1, 4 * GIBIBYTE))),
    (16, tuple(range(32 * GIBIBYTE, 120 * GIBIBYTE + 1, 8 * GIBIBYTE))),
)
"""vCPUs, and for each number of them the memory in MiB."""


def fargate_size(cpu: float, memory_mib: int) -> tuple[float, int]:
    """Find the smallest size that has what is asked for.

    Args:
        cpu: vCPUs.
        memory_mib: Memory in MiB.

    Returns:
        vCPUs, and memory in MiB.

    Raises:
        ValueError: If Fargate has none.
    """
    for vcpus, memories in SIZES:
        for memory in memories:
            if vcpus >= cpu and memory >= memory_mib:
                return vcpus, memory
    vcpus, memories = SIZES[-1]
    raise ValueError(
        f"It asks for {cpu:g} vCPUs and {memory_mib} MiB, and Fargate has at most {vcpus} vCPUs "
        f"with {memories[-1]} MiB. Name a queue with EC2 instances in the setting `queue`."
    )
