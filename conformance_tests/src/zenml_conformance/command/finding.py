"""What `doctor` finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """What a finding means. A note is nothing wrong, and may be worth knowing."""

    GOOD = "ok"
    NOTE = "note"
    BAD = "wrong"


@dataclass(frozen=True)
class Finding:
    """What was found.

    Attributes:
        what: What was looked at.
        state: Whether it is good.
        found: What is there.
        why: Why it matters; empty if it is good.
        todo: What to do about it; empty if it is good.
    """

    what: str
    state: State
    found: str
    why: str = ""
    todo: str = ""
