"""What an orchestrator may be able to do."""

from __future__ import annotations

from enum import Enum


class Capability(str, Enum):
    """Something that an orchestrator may leave out, and must do well when it declares it.

    ZenML takes most of them as declared when a method is overridden
    (`zenml.orchestrators.base_orchestrator.BaseOrchestrator`), the others are properties of the
    configuration (`BaseOrchestratorConfig`).
    """

    DYNAMIC = "dynamic pipelines"
    ISOLATED_STEPS = "isolated steps"
    STOP_ISOLATED_STEPS = "stopping isolated steps"
    STATUS = "refreshing runs"
    STOP = "stopping runs"
    SCHEDULES = "schedules"
    SCHEDULE_UPDATES = "updating schedules"
    SCHEDULE_DELETION = "deleting schedules"
    STEP_RETRIES = "retrying steps in the backend"
