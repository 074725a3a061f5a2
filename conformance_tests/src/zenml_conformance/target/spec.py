"""What the command line says of the orchestrator under test. Imports no ZenML."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from zenml_conformance.errors import InputError
from zenml_conformance.target.patience import PATIENCE_SECONDS

EXACT = ConfigDict(ser_json_inf_nan="constants")
"""Of models that a configuration travels in: by default its `.inf` and `.nan` become null."""


class TargetError(InputError):
    """`--orchestrator`, its configuration or its harness can't be used. The message says why."""


class TargetSpec(BaseModel):
    """What the command line said.

    Attributes:
        ref: `module:Flavor`, `module.Flavor`, a flavor name that ZenML ships, or `reference`.
        config: Configuration of the stack component that is judged.
        harness: `module:Class` of a harness; None: look for one.
        live: Leave the orchestrator its own backend.
        patience: How long its own backend may take to start a job, in seconds.
    """

    model_config = EXACT

    ref: str
    config: dict[str, Any] = Field(default_factory=dict)
    harness: str | None = None
    live: bool = False
    patience: float = PATIENCE_SECONDS

    @property
    def stretch(self) -> float:
        """By what to multiply waits that do for a backend which starts jobs soon."""
        return self.patience / PATIENCE_SECONDS
