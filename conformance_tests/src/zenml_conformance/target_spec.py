"""What the command line says of the orchestrator under test. Imports no ZenML."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field


class TargetError(ValueError):
    """`--orchestrator`, its configuration or its harness can't be used. The message says why."""


class TargetSpec(BaseModel):
    """What the command line said.

    Attributes:
        ref: `module:Flavor`, `module.Flavor`, a flavor name that ZenML ships, or `reference`.
        config: Configuration of the stack component that is judged.
        harness: `module:Class` of a harness; None: look for one.
        live: Leave the orchestrator its own backend.
    """

    ref: str
    config: dict[str, Any] = Field(default_factory=dict)
    harness: str | None = None
    live: bool = False
