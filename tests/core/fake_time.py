"""A clock that only sleeping moves."""

from __future__ import annotations


class FakeTime:
    """Stands in for the module `time`.

    Attributes:
        pauses: How long was slept each time.
    """

    def __init__(self) -> None:
        """Begin at some time."""
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        """Return the time."""
        return 1000.0 + sum(self.pauses)

    def sleep(self, seconds: float) -> None:
        """Move on."""
        self.pauses.append(seconds)
