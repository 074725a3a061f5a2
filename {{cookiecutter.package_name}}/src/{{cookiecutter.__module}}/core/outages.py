"""Go on through outages of the backend and of ZenML's store, and through a full queue."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from zenml.logger import get_logger

from .jobs import NoRoomError
from .termination import sigterm_allowed

logger = get_logger(__name__)

T = TypeVar("T")

PAUSES_SECONDS = (1, 5, 15, 60)
"""How long to wait before the next try while a service does not answer."""

ROOM_PAUSES_SECONDS = (1, 5, 15, 30)
"""The same while there is no room for a job; the last pause is repeated."""

REMINDER_SECONDS = 600.0
"""How often to say that there is still no room."""


def through_outages(
    call: Callable[[], T],
    outage: type[Exception] = Exception,
    room_seconds: float = 0.0,
) -> T:
    """Call a function that needs a service, again and again if the service fails.

    Args:
        call: The function. It must be harmless to repeat.
        outage: What it raises if the service fails. All else is raised at once.
        room_seconds: How long to wait for room in all, should the function raise `NoRoomError`.

    Raises:
        NoRoomError: If there is no room for longer than that.
        Exception: What the function raises after the last try.
    """
    pauses = iter(PAUSES_SECONDS)
    room = _Room(room_seconds)
    while True:
        pause: float | None
        try:
            return call()
        except NoRoomError as error:
            pause = room.pause(error)
            pauses = iter(PAUSES_SECONDS)  # The service has answered.
        except outage as error:
            if (pause := next(pauses, None)) is None:
                raise
            logger.warning("Trying again in %s seconds: %s", pause, str(error) or repr(error))
        with sigterm_allowed():
            time.sleep(pause)


class _Room:
    """Waits for room in a queue."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: float | None = None
        self._remind_at = 0.0
        self._tries = 0

    def pause(self, error: NoRoomError) -> float:
        """Return how long to wait before the next try."""
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        left = self._since + self._seconds - now
        if left <= 0:
            raise NoRoomError(
                f"There has been no room for a job for {now - self._since:.0f} seconds, and no "
                f"job is waited for longer than {self._seconds:.0f} seconds. Submit when fewer "
                f"jobs are queued, or wait for longer. {error}"
            ) from error
        if now >= self._remind_at:
            self._remind_at = now + REMINDER_SECONDS
            logger.warning(
                "There is no room for a job now. Waiting for other jobs to end, for up to %.0f "
                "more seconds. This process has to stay: it submits the job then. %s",
                *(left, error),
            )
        pause = ROOM_PAUSES_SECONDS[min(self._tries, len(ROOM_PAUSES_SECONDS) - 1)]
        self._tries += 1
        return min(pause, left)
