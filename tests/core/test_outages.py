"""Services that don't answer, and queues that are full."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from zenml_conformance.core import outages
from zenml_conformance.core.jobs import NoRoomError, UnavailableError
from zenml_conformance.core.outages import through_outages

from .fake_time import FakeTime


@pytest.fixture(autouse=True)
def time(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    """The clock that the pauses are measured with."""
    time = FakeTime()
    monkeypatch.setattr(outages, "time", time)
    return time


def answers(*given: Exception | str) -> Callable[[], str]:
    """Return a function that answers, or fails, as given; in the end always in the same way."""
    left = list(given)

    def call() -> str:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return call


DOWN = UnavailableError("down")
FULL = NoRoomError("the queue is full")


def test_the_call_is_repeated_until_the_service_answers(time: FakeTime) -> None:
    """With longer and longer pauses."""
    assert through_outages(answers(DOWN, DOWN, DOWN, "up"), UnavailableError) == "up"
    assert time.pauses == [1, 5, 15]


def test_an_outage_that_goes_on_is_raised(time: FakeTime) -> None:
    """As it was seen last."""
    with pytest.raises(UnavailableError, match="still down"):
        through_outages(answers(DOWN, DOWN, DOWN, DOWN, UnavailableError("still down")))
    assert time.pauses == [1, 5, 15, 60]


def test_what_is_no_outage_is_raised_at_once(time: FakeTime) -> None:
    """The service has decided."""
    with pytest.raises(ValueError, match="too large"):
        through_outages(answers(ValueError("it is too large"), "up"), UnavailableError)
    assert not time.pauses


def test_room_is_waited_for_as_long_as_it_may_take(time: FakeTime) -> None:
    """The error says how long that was, and repeats the backend's words."""
    with pytest.raises(NoRoomError, match=r"for 60 seconds.*than 60 seconds.*queue is full"):
        through_outages(answers(FULL), UnavailableError, room_seconds=60)
    assert time.pauses == [1, 5, 15, 30, 9]


def test_room_is_not_waited_for_unless_it_may(time: FakeTime) -> None:
    """As is so for all calls that submit nothing."""
    with pytest.raises(NoRoomError, match="0 seconds"):
        through_outages(answers(FULL, "room"), UnavailableError)
    assert not time.pauses


def test_room_is_found(time: FakeTime) -> None:
    """Then the call returns."""
    assert through_outages(answers(FULL, FULL, "room"), room_seconds=60) == "room"
    assert time.pauses == [1, 5]


def test_a_service_that_has_no_room_has_answered(time: FakeTime) -> None:
    """What it does not answer afterwards is another outage. The wait for room goes on."""
    call = answers(DOWN, DOWN, DOWN, DOWN, FULL, DOWN, DOWN, FULL, "room")
    assert through_outages(call, UnavailableError, room_seconds=600) == "room"
    assert time.pauses == [1, 5, 15, 60, 1, 1, 5, 5]


def test_a_long_wait_is_said_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    """Not at each try."""
    with caplog.at_level("WARNING"), pytest.raises(NoRoomError):
        through_outages(answers(FULL), room_seconds=3 * outages.REMINDER_SECONDS)
    assert caplog.text.count("There is no room for a job now") == 3
    assert "for up to 1800 more seconds" in caplog.text
