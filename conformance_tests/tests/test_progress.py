"""What a session shows while scenarios are run."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from typing import Any

import pytest

from zenml_conformance.protocol import EngineClient, EngineError
from zenml_conformance.session import progress

ANSWERS = [
    {"done": 0, "planned": 2, "running": {"/a/diamond": 1.2, "/a/stopped": 31.0}},
    {"done": 1, "planned": 2, "running": {"/a/stopped": 32.0}},
    {"done": 2, "planned": 2, "running": {}},
]


class Engine(EngineClient):
    """Answers what it is told to."""

    def __init__(self, answers: Iterator[dict[str, Any]]) -> None:
        """Have answers."""
        super().__init__("nowhere")
        self.answers = answers

    def request(self, op: str, *, patience: float = 60.0, **arguments: Any) -> Any:
        """Answer, or be gone."""
        del op, patience, arguments
        try:
            return next(self.answers)
        except StopIteration:
            raise EngineError("gone") from None


class Terminal(io.StringIO):
    """A file that is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def test_lines_are_written_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.0)
    file = io.StringIO()
    progress.follow(Engine(iter(ANSWERS)), file)
    assert file.getvalue().splitlines() == [
        "scenarios: 0 of 2 run after 0 s, now stopped (31 s), diamond (1 s)",
        "scenarios: 1 of 2 run after 0 s, now stopped (32 s)",
    ]


def test_nothing_is_written_of_what_does_not_take_long() -> None:
    file = io.StringIO()
    progress.follow(Engine(iter(ANSWERS)), file)
    assert file.getvalue() == ""


def test_a_terminal_shows_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    file = Terminal()
    progress.follow(Engine(iter(ANSWERS)), file)
    assert "2/2" in file.getvalue()
    assert "scenarios: " not in file.getvalue()


def test_it_ends_with_the_session_s_budget() -> None:
    progress.follow(Engine(iter(ANSWERS[:1])), io.StringIO(), deadline=time.monotonic())


def test_an_engine_that_is_gone_is_not_waited_for() -> None:
    with pytest.raises(EngineError, match="gone"):
        progress.follow(Engine(iter(ANSWERS[:1])), io.StringIO())
