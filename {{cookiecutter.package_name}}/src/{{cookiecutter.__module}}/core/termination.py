"""Take SIGTERM only while nothing is under way.

What a signal handler raises comes out of whatever statement is being executed. Amid a query of
ZenML's store that leaves the transaction open: on SQLite, every other process then finds the
database locked for as long as this one lives.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

Handler = Callable[[int, FrameType | None], object] | int | None


class _Deferral:
    """SIGTERM as long as it is deferred.

    Attributes:
        handler: What it is to do, sooner or later.
        is_due: Whether it was sent.
    """

    def __init__(self) -> None:
        self.is_due = False
        self.handler: Handler = signal.signal(signal.SIGTERM, self.note)

    def note(self, signal_number: int, frame: FrameType | None) -> None:
        del signal_number, frame
        self.is_due = True

    def end(self) -> None:
        signal.signal(signal.SIGTERM, self.handler)
        if self.is_due:
            self.is_due = False
            signal.raise_signal(signal.SIGTERM)


_deferral: _Deferral | None = None


@contextmanager
def sigterm_deferred() -> Iterator[None]:
    """Have SIGTERM take effect only in the parts that allow it, and afterwards.

    The signal is not blocked: processes that are started meanwhile would inherit that.
    """
    global _deferral
    _deferral = deferral = _Deferral()
    try:
        yield
    finally:
        _deferral = None
        deferral.end()


@contextmanager
def sigterm_allowed() -> Iterator[None]:
    """Have SIGTERM take effect at once, also if it was sent before.

    Changes nothing where it is not deferred.
    """
    if _deferral is None:
        yield
        return
    try:
        _deferral.end()
        yield
    finally:
        signal.signal(signal.SIGTERM, _deferral.note)
